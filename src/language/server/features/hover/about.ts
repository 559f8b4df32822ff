import { expectation } from '../../../../../engine/config/issues.ts';
import type { KeyMeta, ModelName } from '../../../../../engine/config/key.ts';
import { defaultFor, keyAt, promptSourceKeys, type KeyInfo } from '../../../../../engine/config/walk.ts';
import { code, valueText } from '../../markdown.ts';
import { sectionOf } from '../../paper.ts';

/** First line of a hover: the key, what it takes, its unit and its default. */
export function title(info: KeyInfo, model: ModelName): string {
  const takes = info.kind === 'block' ? 'a block of keys' : accepts(info);
  const unit = info.meta.unit === undefined ? '' : `, in ${info.meta.unit}`;
  const standard = defaultText(info, model);
  return [`**${code(info.path)}**`, `${takes}${unit}`, standard === null ? '' : `default ${standard}`]
    .filter(Boolean)
    .join(' · ');
}

function accepts(info: KeyInfo): string {
  if (info.kind === 'choice') return info.choices.map((word) => code(word)).join(' ');
  if (info.kind === 'choices') return `${info.choices.map((word) => code(word)).join(' ')}, or a list of them`;
  if (info.kind === 'prompts') return '`all`, a list of prompts, or `{file: …}`';
  return expectation(info);
}

/** The default of a key for a model as Markdown; null for a block and for a key without one. */
export function defaultText(info: KeyInfo, model: ModelName): string | null {
  if (info.kind === 'block' && !info.nullable) return null;
  const value = defaultFor(info, model);
  if (value === undefined || (value === null && info.meta.defaultText === undefined)) return null;
  const own = info.meta.models?.[model] !== undefined;
  if (info.meta.defaultText !== undefined && !own) return info.meta.defaultText;
  return code(valueText(value)) + (own ? ` for ${model}` : '');
}

/** What the paper calls it, and the page and section that explain it. */
export function paperLine(path: string, meta: KeyMeta): string | null {
  const section = sectionOf(path);
  const name = meta.paper === undefined ? null : `Paper: ${meta.paper}`;
  const link =
    section === null
      ? null
      : section.uri === null
        ? section.title
        : `[${section.title}](${section.uri} "docs/method.md")`;
  const line = [name, link === null ? null : `Method: ${link}`].filter((part) => part !== null).join(' · ');
  return line === '' ? null : `*${line}*`;
}

/** What each allowed word does, as a list; the written one stands out. */
export function choices(info: KeyInfo, written: unknown): string | null {
  const { values } = info.meta;
  if (values === undefined) return null;
  return info.choices
    .map(
      (word) =>
        `- ${word === written || (Array.isArray(written) && written.includes(word)) ? `**${code(word)}**` : code(word)}: ${values[word] ?? ''}`,
    )
    .join('\n');
}

/** A key of `{file: …}`, which stands inside `prompts` and `evaluation.prompts`. */
export interface SourceKey {
  name: string;
  meta: KeyMeta;
  /** Of the source as a whole, such as `prompts`. */
  source: string;
}

/** The key of a prompt source at a path such as `prompts.file`; null for any other. */
export function sourceKeyAt(path: string): SourceKey | null {
  const [, source, name] = /^(.+)\.(\w+)$/.exec(path) ?? [];
  if (source === undefined || keyAt(source)?.kind !== 'prompts') return null;
  const info = promptSourceKeys.find((key) => key.name === name);
  return info === undefined ? null : { name, source, meta: info.meta };
}
