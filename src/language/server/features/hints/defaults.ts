import { isMap, isScalar, type Pair } from 'yaml';
import { valueAt } from '../../../../../engine/config/issues.ts';
import { rootKey, type KeyInfo } from '../../../../../engine/config/walk.ts';
import type { ConfigText } from '../../config-text.ts';
import type { Here } from '../../facts/here.ts';
import { nullNeeds, nullText } from '../../facts/nulls.ts';
import { countOf } from '../../figures.ts';
import { code, valueText } from '../../markdown.ts';
import { keyName } from '../../../../../engine/config/tree.ts';
import { isTrusted } from '../../trusted.ts';
import { inheritedTable, inheritedValues } from '../hover/values.ts';
import { keyLine } from './line-ends.ts';

/** What a line leaves to a default. */
export interface DefaultHint {
  /** 0-based. */
  line: number;
  label: string;
  /** Markdown. */
  tooltip: string;
}

/** Keys that one hint names; more are in its tooltip. */
const shownKeys = 4;

/** Every null, every empty block, what a base gives, and every block that leaves out what depends on something else. */
export function defaultHints(config: ConfigText, here: Here, wanted: (line: number) => boolean): DefaultHint[] {
  const found: DefaultHint[] = [];
  const seen = new Set<string>();
  const visit = (map: unknown, block: KeyInfo) => {
    if (!isMap(map)) return;
    for (const pair of map.items as Pair[]) {
      const info = block.children.find(({ name }) => name === keyName(pair.key));
      // Of a key that stands twice, one counts.
      if (info === undefined || seen.has(info.path)) continue;
      seen.add(info.path);
      if (info.kind === 'block' && isMap(pair.value) && pair.value.items.length > 0) {
        visit(pair.value, info);
        const left = leftOut(config, here, info);
        const line = lastLine(config, pair.value);
        if (left !== null && wanted(line)) found.push({ line, ...left });
      } else if (isNull(pair.value)) {
        const line = config.document.positionAt((pair.key as { range?: number[] }).range?.[0] ?? 0).line;
        const resolved = wanted(line) ? resolvedNull(config, here, info) : null;
        if (resolved !== null) found.push({ line, ...resolved });
      }
    }
  };
  visit(config.syntax?.root.contents, rootKey);
  const fromBase = inherited(config);
  return fromBase !== null && wanted(fromBase.line) ? [...found, fromBase] : found;
}

function isNull(value: unknown): boolean {
  return value === null || (isScalar(value) && value.value === null) || (isMap(value) && value.items.length === 0);
}

/** The line on which the last thing of a block begins or, in braces, ends. */
function lastLine(config: ConfigText, map: { items: unknown[]; flow?: boolean; range?: number[] | null }): number {
  const { document } = config;
  if (map.flow === true) return document.positionAt(Math.max(map.range![0], map.range![1] - 1)).line;
  const text = document.getText().slice(map.range![0], map.range![1]).trimEnd();
  const last = text.slice(text.lastIndexOf('\n') + 1);
  // A comment may follow the last key; the hint stands at the key.
  const pair = map.items.at(-1) as Pair;
  const value = pair.value as { range?: number[] | null } | null;
  if (!last.trimStart().startsWith('#')) return document.positionAt(map.range![0] + text.length).line;
  return document.positionAt(Math.max(0, (value?.range?.[1] ?? (pair.key as { range: number[] }).range[1]) - 1)).line;
}

/** What a key that is written as null comes to: its value, or those of the keys of an empty block. */
function resolvedNull(config: ConfigText, here: Here, info: KeyInfo): { label: string; tooltip: string } | null {
  if (!isTrusted(config.analysis, [info.path])) return null;
  if (info.kind !== 'block' || info.nullable) {
    const text = resolvedText(config, here, info);
    return text === null ? null : { label: `→ ${plain(text)}`, tooltip: `\`${info.path}\` is ${text}.` };
  }
  const keys = info.children.flatMap((child) => named(config, here, child));
  return keys.length === 0 ? null : { label: listed(keys), tooltip: table(keys) };
}

/** What a block leaves out, where it comes from a base, or depends on the model or on another key. */
function leftOut(config: ConfigText, here: Here, block: KeyInfo): { label: string; tooltip: string } | null {
  const out = block.children.filter((child) => config.analysis.originOf(child.path).kind !== 'written');
  const keys = out.flatMap((child) => named(config, here, child));
  const told = keys.filter(({ info, from }) => from !== null || depends(here, info));
  return told.length === 0 ? null : { label: listed(told), tooltip: table(keys) };
}

/** How much a config takes from what it extends, beside the line that says so. */
function inherited(config: ConfigText): DefaultHint | null {
  const line = keyLine(config, 'extends');
  const values = inheritedValues(config);
  if (line === null || values.length === 0) return null;
  return { line, label: `gives ${countOf(values.length, 'value')}`, tooltip: inheritedTable(values) };
}

function depends({ config }: Here, info: KeyInfo): boolean {
  const own = info.meta.models?.[config.policy.model];
  const resolves = Object.hasOwn(nullNeeds, info.path) && valueAt(config, info.path.split('.')) === null;
  if (resolves) return info.path === 'evaluation.steps' || info.path === 'training.steps_per_sample';
  return own !== undefined && own !== null && JSON.stringify(own) !== JSON.stringify(info.default);
}

interface NamedDefault {
  info: KeyInfo;
  /** The value as Markdown. */
  text: string;
  /** The base that says it; null for a default. */
  from: string | null;
}

function named(config: ConfigText, here: Here, info: KeyInfo): NamedDefault[] {
  if (info.kind === 'block' && !info.nullable) return [];
  const text = resolvedText(config, here, info);
  const origin = config.analysis.originOf(info.path);
  return text === null ? [] : [{ info, text, from: origin.kind === 'base' ? origin.name : null }];
}

/** The value of a key as it will run, as Markdown; null where it is not to be trusted. */
function resolvedText(config: ConfigText, here: Here, info: KeyInfo): string | null {
  if (!isTrusted(config.analysis, [info.path, 'policy.model'])) return null;
  const value = valueAt(here.config, info.path.split('.'));
  if (value === undefined) return null;
  if (value !== null) return code(valueText(value), 40);
  return isTrusted(config.analysis, nullNeeds[info.path] ?? []) ? nullText(here, info.path) : null;
}

const plain = (markdown: string) => markdown.replaceAll('`', '');

function listed(keys: readonly NamedDefault[]): string {
  const shown = keys.slice(0, shownKeys).map(({ info, text, from }) => {
    return `${info.name} → ${plain(text)}${from === null ? '' : ` (${from})`}`;
  });
  return [...shown, ...(keys.length > shownKeys ? [`+ ${keys.length - shownKeys}`] : [])].join(', ');
}

function table(keys: readonly NamedDefault[]): string {
  const rows = keys.map(
    ({ info, text, from }) => `| \`${info.name}\` | ${text} | ${from === null ? 'default' : code(from)} |`,
  );
  return ['Not written here:\n', '| key | value | |', '| --- | --- | --- |', ...rows].join('\n');
}
