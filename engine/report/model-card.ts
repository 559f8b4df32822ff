import type { EventOf } from '../run/events.ts';
import type { RunRecord } from '../run/record.ts';
import { formatNumber } from './format.ts';

type Evaluation = EventOf<'evaluation'> & { heldOut?: Record<string, number> };

/** What an export holds: an adapter for the base, a whole model, or the weights of the embedded one. */
export type ExportKind = 'adapter' | 'model' | 'shapes';

export interface CardInput {
  kind: ExportKind;
  /** Name of the exported folder. */
  folder: string;
  record: RunRecord;
  configText: string;
  /** Iterations done at the checkpoint, and its evaluation reward where it was measured. */
  iteration: number;
  reward: number | null;
  evaluations: readonly Evaluation[];
  /** Prompts that were trained on. */
  prompts: number;
}

interface Base {
  title: string;
  repository: string;
  pipeline: string;
  /** As the Hugging Face hub names it. */
  license: string;
  licenseHint: string;
}

const bases: Record<string, Base> = {
  'hunyuan-video-1.5': {
    title: 'HunyuanVideo-1.5',
    repository: 'hunyuanvideo-community/HunyuanVideo-1.5-Diffusers-480p_t2v',
    pipeline: 'HunyuanVideo15Pipeline',
    license: 'other',
    licenseHint: 'the Tencent Hunyuan Community License, which limits where and how the model may be used',
  },
  'wan-2.1': {
    title: 'Wan2.1-T2V-1.3B',
    repository: 'Wan-AI/Wan2.1-T2V-1.3B-Diffusers',
    pipeline: 'WanPipeline',
    license: 'apache-2.0',
    licenseHint: 'Apache 2.0',
  },
};

const scales: Record<string, string> = {
  'shapes-judge': 'in [0, 1], measured from pixels',
  videoalign: 'normalised: (raw − mean) / std of the reward model’s own data; 0 is average',
  clipscore: '100 · cosine of frames and prompt, CLIP ViT-L/14',
  pickscore: 'logit scale · cosine of frames and prompt, about 18 to 24',
};

interface CardConfig {
  policy?: { model?: string; weights?: string | null; adapter?: { kind?: string; rank?: number; alpha?: number } };
  prompts?: unknown;
  reward?: { model?: string | string[] | null; python?: string | null; weights?: Record<string, number> };
}

/** The README.md of an exported checkpoint: what it is, how it came to be, how good it is, how to load it. */
export function modelCard(input: CardInput): string {
  const config = input.record.config as CardConfig;
  const base = bases[config.policy?.model ?? ''] ?? null;
  const released = (config.policy?.weights ?? null) === null;
  const source = (released ? base?.repository : config.policy?.weights) ?? null;
  return [
    frontMatter(input.kind, base, released ? source : null),
    `# ${input.record.name}, iteration ${input.iteration}`,
    whatItIs(input, config, base, source),
    '## Results',
    results(input),
    '![Curves of the run](curves.svg)',
    '## How to load it',
    fenced(loading(input, base, source ?? 'BASE'), input.kind === 'shapes' ? 'yaml' : 'python'),
    '## Training',
    training(input, config),
    '## Licence',
    licence(base, released, source),
    '## Config',
    fenced(input.configText.trimEnd(), 'yaml'),
    '',
  ].join('\n\n');
}

function frontMatter(kind: ExportKind, base: Base | null, repository: string | null): string {
  const lines = ['pipeline_tag: text-to-video', 'tags: [sage-grpo, reinforcement-learning]'];
  if (base) lines.unshift('library_name: diffusers');
  if (base && repository) {
    lines.unshift(`base_model: ${repository}`, `base_model_relation: ${kind === 'adapter' ? 'adapter' : 'finetune'}`);
    lines.unshift(`license: ${base.license}`);
  }
  return `---\n${lines.join('\n')}\n---`;
}

function whatItIs(
  { kind, iteration }: CardInput,
  config: CardConfig,
  base: Base | null,
  source: string | null,
): string {
  const made = `after ${iteration} iterations of SAGE-GRPO`;
  if (kind === 'shapes' || !base) return `The Shapes model of SAGE Studio ${made}, in \`policy.safetensors\`.`;
  const { rank, alpha } = config.policy?.adapter ?? {};
  const lora = config.policy?.adapter?.kind === 'lora' ? `LoRA adapter (rank ${rank}, alpha ${alpha})` : null;
  if (kind === 'adapter') return `A ${lora ?? 'LoRA adapter'} for ${base.title} (\`${source}\`) ${made}.`;
  const how = lora ? `with its ${lora} merged in` : 'fully fine-tuned';
  return `${base.title} (from \`${source}\`) ${made}, ${how}: a whole pipeline in diffusers' layout.`;
}

/** The evaluations up to the checkpoint as a table; fixed prompts and seeds, so rows can be compared. */
function results({ evaluations, iteration, reward }: CardInput): string {
  const own = evaluations.findLast((event) => event.iteration === iteration);
  const sentence = own
    ? `Evaluation reward of this checkpoint: **${formatNumber(own.reward)}**, over ${own.videos} videos of fixed prompts and seeds.`
    : reward === null
      ? 'This checkpoint itself was not evaluated.'
      : `Evaluation reward of this checkpoint: **${formatNumber(reward)}**.`;
  if (evaluations.length === 0) return sentence;
  const components = names(evaluations.map((event) => event.components));
  const heldOut = names(evaluations.map((event) => event.heldOut ?? {}));
  const header = ['iteration', 'reward', ...components, ...heldOut.map((name) => `${name} (held out)`)];
  const measuresDistance = evaluations.some(({ distance }) => distance !== null);
  if (measuresDistance) header.push('manifold distance');
  const rows = thinned(evaluations).map((event) => [
    String(event.iteration),
    formatNumber(event.reward),
    ...components.map((name) => formatNumber(event.components[name] ?? null)),
    ...heldOut.map((name) => formatNumber(event.heldOut?.[name] ?? null)),
    ...(measuresDistance ? [formatNumber(event.distance)] : []),
  ]);
  const held = heldOut.length > 0 ? ' Held-out metrics were watched and not trained on.' : '';
  return `${sentence}${held}\n\n${markdownTable(header, rows)}`;
}

function names(records: readonly Record<string, number>[]): string[] {
  return [...new Set(records.flatMap((record) => Object.keys(record)))];
}

/** At most 21 evaluations, evenly spaced, the first and the last among them. */
function thinned<Item>(items: readonly Item[], most = 21): readonly Item[] {
  if (items.length <= most) return items;
  return Array.from({ length: most }, (_, i) => items[Math.round((i * (items.length - 1)) / (most - 1))]);
}

function training({ record, prompts }: CardInput, config: CardConfig): string {
  const { provenance } = record;
  const { model, python, weights = {} } = config.reward ?? {};
  const models = [model ?? []].flat();
  const scorers = [...models.map((name) => `\`${name}\`, ${scales[name] ?? 'on its own scale'}`)];
  if (python) scorers.push(`\`${python}\`, a Python function of the run's author`);
  const weighted = Object.entries(weights).map(([name, weight]) => `${weight} × ${name}`);
  const versions = Object.entries(provenance.versions).map(([name, version]) => `${name} ${version}`);
  return [
    `- Data: ${promptSource(config.prompts)}, ${prompts} prompts; no videos, only prompts.`,
    `- Reward: ${weighted.join(' + ') || 'the components of'}; ${scorers.join('; ')}.`,
    `- Run: \`${record.id}\`, begun ${record.created.slice(0, 10)}, seed ${provenance.seed}, on ${provenance.devices.join(', ')}.`,
    `- Versions: ${versions.join(', ')}${provenance.commit ? `; commit ${provenance.commit.slice(0, 12)}` : ''}.`,
  ].join('\n');
}

function promptSource(prompts: unknown): string {
  if (prompts === 'all') return 'all sentences of the Shapes world';
  if (Array.isArray(prompts)) return 'a list in the config';
  const file = (prompts as { file?: unknown } | null)?.file;
  return typeof file === 'string' ? `\`${file}\`` : 'prompts of the config';
}

function loading({ kind, folder }: CardInput, base: Base | null, source: string): string {
  if (kind === 'shapes' || !base) return `policy:\n  model: shapes\n  weights: ${folder}/policy.safetensors`;
  const load = (from: string) =>
    `import torch\nfrom diffusers import ${base.pipeline}\n\npipeline = ${base.pipeline}.from_pretrained(${JSON.stringify(from)}, dtype=torch.bfloat16)`;
  if (kind === 'model') return load(folder);
  const adapter = `${JSON.stringify(folder)}, weight_name="pytorch_lora_weights.safetensors"`;
  const method = base.pipeline === 'WanPipeline' ? 'load_lora_weights' : 'transformer.load_lora_adapter';
  return `${load(source)}\npipeline.${method}(${adapter})`;
}

function licence(base: Base | null, released: boolean, source: string | null): string {
  if (!base) return 'The Shapes model is part of SAGE Studio, under its MIT licence.';
  const from = released ? `of [${source}](https://huggingface.co/${source}): ${base.licenseHint}` : `of \`${source}\``;
  return `Derived from ${base.title}, so the licence ${from}. Read it before you publish or use this.`;
}

function markdownTable(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(header), line(header.map(() => '---:')), ...rows.map(line)].join('\n');
}

/** A block of code whose fence nothing in it can end. */
function fenced(text: string, language: string): string {
  const longest = Math.max(2, ...[...text.matchAll(/`+/g)].map(([ticks]) => ticks.length));
  const fence = '`'.repeat(longest + 1);
  return `${fence}${language}\n${text}\n${fence}`;
}
