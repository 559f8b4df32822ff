import { expectation } from '../../../../../engine/config/issues.ts';
import { modelNames, type ModelName } from '../../../../../engine/config/key.ts';
import { defaultFor, type KeyInfo } from '../../../../../engine/config/walk.ts';
import { showPlain } from './item.ts';

/** Type and default of a key, on one line: `a whole number between 1 and 1000 = 20`. */
export function detailOf(info: KeyInfo, model: ModelName): string {
  if (info.kind === 'block') return `block: ${info.children.map(({ name }) => name).join(', ')}`;
  const usual = defaultText(info, model);
  const words = `${info.choices.join(' | ')}${info.kind === 'choices' ? ', or a list' : ''}`;
  const type = info.choices.length > 0 ? words : expectation(info);
  return usual === null ? type : `${type}; default ${usual}`;
}

/** What a key does, as Markdown: unit, range, defaults, words and paper. */
export function documentationOf(info: KeyInfo, model: ModelName): string {
  const { unit, paper, values, torchOnly, description } = info.meta;
  const usual = defaultText(info, model);
  const facts = [
    unit === undefined ? '' : `Unit: ${unit}`,
    info.kind === 'integer' || info.kind === 'number' ? `Range: ${expectation(info)}` : '',
    usual === null ? '' : `Default for ${model}: ${code(usual)}${others(info, model)}`,
    paper === undefined ? '' : `Paper: ${paper}`,
    torchOnly === true ? 'Only read by the torch backend' : '',
  ].filter(Boolean);
  const words = info.choices.map((word) => `\`${word}\`: ${values?.[word] ?? ''}`);
  const children = info.kind === 'block' ? info.children.map((key) => `\`${key.name}\`: ${key.meta.description}`) : [];
  return [description, list(facts), list(words), list(children)].filter(Boolean).join('\n\n');
}

function list(lines: string[]): string {
  return lines.map((line) => `- ${line}`).join('\n');
}

/** What a key is where it is not written; null for a block and for a key that must be given. */
export function defaultText(info: KeyInfo, model: ModelName): string | null {
  const value = defaultFor(info, model);
  if (info.kind === 'block' && !info.nullable) return null;
  if (info.meta.defaultText !== undefined && (value === null || !Object.hasOwn(info.meta.models ?? {}, model)))
    return info.meta.defaultText;
  return value === undefined || (typeof value === 'object' && value !== null) ? null : showPlain(value);
}

/** In words it is a sentence, else a value. */
function code(text: string): string {
  return /[ `]/.test(text) ? text : `\`${text}\``;
}

/** Defaults of the other models, where they differ. */
function others(info: KeyInfo, model: ModelName): string {
  const own = showPlain(defaultFor(info, model));
  const differing = modelNames
    .filter((name) => name !== model && showPlain(defaultFor(info, name)) !== own)
    .map((name) => `${name}: \`${showPlain(defaultFor(info, name))}\``);
  return differing.length === 0 || info.meta.models === undefined ? '' : ` (${differing.join(', ')})`;
}
