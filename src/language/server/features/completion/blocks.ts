import type { ModelName } from '../../../../../engine/config/key.ts';
import { listPresets, readPreset } from '../../../../../engine/config/presets.ts';
import { defaultFor, type KeyInfo } from '../../../../../engine/config/walk.ts';
import { choice, Kind, showPlain, stopAt, type Offer } from './item.ts';

/** The keys that one usually writes in a block, by its path. */
const usual: Record<string, readonly string[]> = {
  policy: ['model'],
  'policy.adapter': ['kind', 'rank', 'alpha'],
  sampling: ['steps', 'shift'],
  exploration: ['kernel', 'eta'],
  'exploration.window': ['first', 'last'],
  rollout: ['prompts_per_iteration', 'generations'],
  reward: ['model', 'weights'],
  'reward.weights': ['VQ', 'MQ', 'TA'],
  training: ['iterations', 'micro_batch', 'accumulation', 'learning_rate'],
  equalizer: ['mode'],
  trust_region: ['anchor', 'stepwise', 'beta'],
  'trust_region.anchor': ['mode', 'interval'],
  'trust_region.stepwise': ['estimator', 'weight'],
  'trust_region.beta': ['controller', 'weight'],
  evaluation: ['every'],
  checkpoints: ['every', 'keep'],
  videos: ['every'],
};

/** Further ones for a model that is trained on GPUs. */
const usualOnGpus: typeof usual = {
  policy: ['backend', 'devices', 'precision', 'activation_checkpointing'],
  sampling: ['guidance', 'frames', 'height', 'width'],
};

/** What a snippet begins with where that is not the default. */
const beginsWith: Record<string, unknown> = {
  'policy.adapter.kind': 'lora',
  'exploration.window.first': 0,
  'exploration.window.last': 4,
};

/** Keys of a block that a snippet writes; none where nothing is usual. */
function usualKeys(block: KeyInfo, model: ModelName): KeyInfo[] {
  const names = [...(usual[block.path] ?? []), ...(model === 'shapes' ? [] : (usualOnGpus[block.path] ?? []))];
  return names.flatMap((name) => block.children.find((key) => key.name === name) ?? []);
}

/** Counts tab stops. */
type Stops = () => number;

function counter(): Stops {
  let stop = 0;
  return () => ++stop;
}

/** A key's value as a tab stop, beginning with its default. */
export function valueStop(info: KeyInfo, model: ModelName, stop: number): string {
  const begin = beginsWith[info.path] ?? (info.path === 'policy.model' ? model : defaultFor(info, model));
  const isWord = info.kind === 'choice' || (info.kind === 'choices' && typeof begin === 'string');
  const words = isWord ? info.choices : info.kind === 'boolean' ? ['true', 'false'] : null;
  if (words !== null) return choice(stop, [String(begin), ...words.filter((word) => word !== String(begin))]);
  return begin === undefined ? `\${${stop}}` : stopAt(stop, showPlain(begin));
}

/** A block on one line, with its usual keys as tab stops: `{ mode: moving, interval: 10 }`. */
export function blockOnALine(block: KeyInfo, model: ModelName, next: Stops = counter()): string {
  const members = usualKeys(block, model).map((key) => {
    const value = key.kind === 'block' ? blockOnALine(key, model, next) : valueStop(key, model, next());
    return `${key.name}: ${value}`;
  });
  return `{ ${members.join(', ')} \\}`;
}

/** The lines of a block, each indented by two blanks; inner blocks on one line each. */
function blockInLines(block: KeyInfo, model: ModelName): string {
  const next = counter();
  const lines = usualKeys(block, model).map((key) => {
    const value = key.kind === 'block' ? blockOnALine(key, model, next) : valueStop(key, model, next());
    return `\n  ${key.name}: ${value}`;
  });
  return lines.join('');
}

/** What a snippet is before anyone has filled it in. */
export function filledIn(snippet: string): string {
  return snippet
    .replace(/\$\{\d+\|((?:[^|\\]|\\.)*?)(?<!\\),[^}]*?\|\}/g, '$1')
    .replace(/\$\{\d+:((?:[^}\\]|\\.)*)\}/g, '$1')
    .replace(/\$\{?\d+\}?/g, '')
    .replace(/\\([\\$},|])/g, '$1');
}

/** Ways to write a whole block at once, besides key by key. */
export function blockSnippets(info: KeyInfo, model: ModelName, style: 'block' | 'flow'): Offer[] {
  if (info.kind === 'prompts') return promptSnippets(info, model, style);
  const keys = usualKeys(info, model);
  if (info.kind !== 'block' || keys.length === 0) return [];
  const isOuter = style === 'block' && !info.path.includes('.');
  const text = `${info.name}:${isOuter ? blockInLines(info, model) : ` ${blockOnALine(info, model)}`}`;
  const names = keys.map(({ name }) => name).join(', ');
  const label = info.path === 'policy.adapter' ? 'adapter: LoRA' : `${info.name}: ${names}`;
  return [snippet(label, text, info, 'with its usual keys')];
}

function promptSnippets(info: KeyInfo, model: ModelName, style: 'block' | 'flow'): Offer[] {
  const all = snippet(`${info.name}: all`, `${info.name}: all`, info, 'the 72 of Shapes');
  const list = style === 'flow' ? `${info.name}: [$1]` : `${info.name}:\n  - $1`;
  return [
    ...(model === 'shapes' ? [all] : []),
    snippet(`${info.name}: a file`, `${info.name}: { file: \${1:prompts.txt} \\}`, info, '.txt, .csv or .jsonl'),
    snippet(`${info.name}: a list`, list, info, 'written here'),
  ];
}

function snippet(label: string, text: string, info: KeyInfo, detail: string): Offer {
  const documentation = `${info.meta.description}\n\n\`\`\`yaml\n${filledIn(text)}\n\`\`\``;
  return { label, text, isSnippet: true, kind: Kind.Snippet, detail, documentation, filter: info.name };
}

/** Whole configs, for a file that has nothing yet. */
export function wholeConfigs(): Offer[] {
  return listPresets().map(({ name, description }) => {
    const text = readPreset(name);
    const documentation = `${description}\n\n\`\`\`yaml\n${text}\n\`\`\``;
    return { label: `Whole config: ${name}`, text, kind: Kind.File, detail: description, documentation, filter: name };
  });
}
