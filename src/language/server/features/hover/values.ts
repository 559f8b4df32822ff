import { pathToFileURL } from 'node:url';
import { valueAt } from '../../../../../engine/config/issues.ts';
import { defaultFor, flatten, rootKey, type KeyInfo } from '../../../../../engine/config/walk.ts';
import type { ConfigText } from '../../config-text.ts';
import { hereOf } from '../../facts/here.ts';
import { nullText } from '../../facts/nulls.ts';
import { code, valueText } from '../../markdown.ts';
import { isTrusted } from '../../trusted.ts';

/** The value of a key in the config as it will run; undefined where none is to be trusted. */
export function resolvedValue({ analysis }: ConfigText, path: string): unknown {
  if (analysis.config === null || !isTrusted(analysis, [path])) return undefined;
  return valueAt(analysis.config, path.split('.'));
}

/** A value as Markdown; of a null what it stands for. */
function shownValue(config: ConfigText, info: KeyInfo, value: unknown): string {
  if (value !== null) return code(valueText(value), 40);
  const here = hereOf(config);
  const meant = here === null ? null : nullText(here, info.path);
  return meant ?? info.meta.defaultText ?? code('null');
}

/** Where the value of a key comes from, in a sentence. */
export function originText(config: ConfigText, info: KeyInfo): string | null {
  const model = config.analysis.config?.policy.model;
  if (model === undefined || info.kind === 'block') return null;
  const value = resolvedValue(config, info.path);
  if (value === undefined) return null;
  const origin = config.analysis.originOf(info.path);
  const standard = defaultFor(info, model);
  const same = JSON.stringify(value) === JSON.stringify(standard);
  const shown = shownValue(config, info, value);
  if (origin.kind === 'default') return `Not written; the default is ${shown}.`;
  if (origin.kind === 'base') {
    const line = origin.place.value.line;
    const link = `[line ${line}](${pathToFileURL(origin.file).href}#L${line})`;
    return `From ${code(origin.name)}, which this config extends (${link}): ${shown}.`;
  }
  if (value === null) return `Written here as \`null\`: ${shown}.`;
  return same ? 'Written here, the same as the default.' : `Written here as ${shown}.`;
}

/** The keys of a block with what each will be and where that comes from. */
export function valuesTable(config: ConfigText, block: KeyInfo): string | null {
  if (config.analysis.config === null) return null;
  const rows = block.children.flatMap((info) => {
    if (info.kind === 'block' && !info.nullable) return [];
    const value = resolvedValue(config, info.path);
    if (value === undefined) return [`| ${code(info.name)} | | refused |`];
    const origin = config.analysis.originOf(info.path);
    const from = origin.kind === 'written' ? 'written here' : origin.kind === 'base' ? code(origin.name) : 'default';
    return [`| ${code(info.name)} | ${shownValue(config, info, value)} | ${from} |`];
  });
  return rows.length === 0 ? null : ['| key | value | |', '| --- | --- | --- |', ...rows].join('\n');
}

/** A value that comes from what the config extends. */
export interface InheritedValue {
  path: string;
  /** Markdown. */
  text: string;
  from: string;
}

/** Rows of a table of what a config extends. */
const shownRows = 40;

/** What a config takes from what it extends. */
export function inheritedValues(config: ConfigText): InheritedValue[] {
  return flatten(rootKey).flatMap((info) => {
    const origin = config.analysis.originOf(info.path);
    if (origin.kind !== 'base' || (info.kind === 'block' && !info.nullable)) return [];
    const value = resolvedValue(config, info.path);
    return value === undefined ? [] : [{ path: info.path, text: shownValue(config, info, value), from: origin.name }];
  });
}

/** The same as a table in Markdown. */
export function inheritedTable(values: readonly InheritedValue[]): string {
  const rows = values.slice(0, shownRows).map(({ path, text, from }) => `| ${code(path)} | ${text} | ${code(from)} |`);
  if (values.length > shownRows) rows.push(`| … | ${values.length - shownRows} more | |`);
  return ['| key | value | from |', '| --- | --- | --- |', ...rows].join('\n');
}
