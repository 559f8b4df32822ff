import { sectionLink, type ModelName } from './key.ts';
import { expectation } from './issues.ts';
import { rootKey, type KeyInfo } from './walk.ts';

const opening = `# Config reference

<!-- Written by \`npm run docs\` from engine/config/schema.ts. Edit the schema, not this page. -->

A config is a YAML file, by custom \`NAME.sage.yaml\`. Every key has a default, except the prompts of models other than
\`shapes\`; keys that do not exist are errors. \`sage-grpo validate CONFIG\` reports everything that is wrong at once, and
\`--set path=value\` puts a value over the file's: \`--set exploration.eta=0.3 --set 'exploration.window={first: 0, last: 4}'\`.

The smallest config trains the embedded model on its 72 prompts:

\`\`\`yaml
policy:
  model: shapes
\`\`\`

Defaults are those of \`shapes\`; where another model has its own, it is named in the same place.

With \`extends\` a config begins from another and says only what is different:

\`\`\`yaml
extends: shapes # a preset, or a file relative to this one: ./base.sage.yaml
exploration:
  eta: 0.5
\`\`\`

The values of the base lie under those of the file, block by block; a list or any other value replaces the one below it,
and \`null\` counts as a value. A base may extend another, up to eight deep. Its prompt files and weights are found from
its own folder, and its name is not taken over. A run keeps all values, so it does not need the base again to resume.
What is wrong with a value of a base is shown at the \`extends\` line.
`;

const promptFiles = `
\`prompts\` is one of:

- \`all\`: the 72 prompts of the Shapes world, "a red circle moving left". For \`shapes\` only.
- a list: \`prompts: [a red circle moving left, a blue square moving up]\`
- a file, relative to the config: \`prompts: {file: prompts.csv}\`

| key | default | |
| --- | --- | --- |
| \`file\` | | a \`.txt\` (one prompt a line; blank lines and lines that begin with \`#\` are skipped), a \`.csv\` (RFC 4180, the first line names the columns) or a \`.jsonl\` (a string or an object on each line) |
| \`column\` | \`prompt\` | column of the \`.csv\`, or field of the \`.jsonl\`, that holds the prompt |
| \`shuffle\` | \`true\` | draw the prompts in a seeded random order; \`false\` takes them in the order of the file |

Files are UTF-8. Prompts reach the model exactly as they are written, whatever they contain.
`;

/** The reference page of every key: what it does, its default, unit and range, and where it comes from. */
export function referenceMarkdown(): string {
  const plain = rootKey.children.filter((info) => info.kind !== 'block');
  const blocks = rootKey.children.filter((info) => info.kind === 'block');
  return [opening, '## The run', '', table(plain), promptFiles, ...blocks.flatMap((info) => section(info, 2))].join(
    '\n',
  );
}

function section(info: KeyInfo, level: number): string[] {
  const keys = info.children.filter((child) => !isSection(child));
  const title = `${'#'.repeat(level)} \`${info.path}\``;
  const own = keys.length > 0 ? [table(keys), ...choices(keys)] : [];
  return [
    title,
    '',
    info.meta.description,
    '',
    ...own,
    ...info.children.filter(isSection).flatMap((child) => section(child, level + 1)),
  ];
}

/** A nullable block (the window) is one row; the others are sections. */
function isSection(info: KeyInfo): boolean {
  return info.kind === 'block' && !info.nullable;
}

function table(keys: KeyInfo[]): string {
  const rows = keys.map((info) => `| \`${info.name}\` | ${defaults(info)} | ${accepts(info)} | ${about(info)} |`);
  return ['| key | default | value | |', '| --- | --- | --- | --- |', ...rows, ''].join('\n');
}

const shortNames: Record<ModelName, string> = {
  shapes: 'shapes',
  'hunyuan-video-1.5': 'HunyuanVideo-1.5',
  'wan-2.1': 'Wan2.1',
};

function defaults(info: KeyInfo): string {
  const own = info.meta.defaultText ?? code(info.default);
  const others = Object.entries(info.meta.models ?? {}).filter(([, value]) => value !== null);
  if (info.meta.defaultText !== undefined) return own;
  return [own, ...others.map(([model, value]) => `${shortNames[model as ModelName]}: ${code(value)}`)].join('<br>');
}

function accepts(info: KeyInfo): string {
  if (info.kind === 'choice') return info.choices.map(code).join(' ');
  if (info.kind === 'choices') return `${info.choices.map(code).join(' ')}, or a list of them`;
  if (info.kind === 'block')
    return `${code(`{${info.children.map((child) => `${child.name}: …`).join(', ')}}`)} or ${code(null)}`;
  if (info.kind === 'prompts') return 'see below';
  return expectation(info);
}

function about({ meta }: KeyInfo): string {
  const unit = meta.unit === undefined ? '' : ` *Unit: ${meta.unit}.*`;
  const paper = meta.paper === undefined ? '' : ` *Paper: ${linked(meta)}.*`;
  const reader = meta.torchOnly === true ? ' *torch only.*' : meta.onnxOnly === true ? ' *onnx only.*' : '';
  return `${meta.description}${unit}${paper}${reader}`.replaceAll('|', '\\|');
}

/** The paper's name of a quantity, as a link to where the method explains it. */
function linked({ paper, section }: KeyInfo['meta']): string {
  if (section === undefined) return paper ?? '';
  return `[${paper}](${sectionLink(section).replace('docs/', '')})`;
}

function choices(keys: KeyInfo[]): string[] {
  return keys
    .filter((info) => info.meta.values !== undefined)
    .flatMap((info) => [
      `\`${info.name}\`:`,
      '',
      ...info.choices.map((word) => `- \`${word}\`: ${info.meta.values?.[word] ?? ''}`),
      '',
    ]);
}

function code(value: unknown): string {
  return `\`${typeof value === 'string' ? value : JSON.stringify(value)}\``;
}
