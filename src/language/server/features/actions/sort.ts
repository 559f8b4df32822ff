import { isMap, type YAMLMap } from 'yaml';
import { readTree, keyName } from '../../../../../engine/config/tree.ts';
import { keyAt } from '../../../../../engine/config/walk.ts';
import type { ConfigText } from '../../config-text.ts';
import { same } from '../edits/same.ts';
import type { Splice } from '../edits/draft.ts';
import {
  afterComments,
  afterMark,
  endOf,
  entriesOf,
  indentAt,
  lineEnd,
  lineStart,
  nextLine,
  source,
  startOf,
  type Entry,
  type Source,
} from '../edits/source.ts';

/** Puts keys in the order of the schema, each with its comments. Null where that would change what the config says. */
export function sorted({ document, syntax, analysis }: ConfigText): Splice[] | null {
  const map = syntax?.root.contents;
  const text = document.getText();
  if (!isMap(map) || analysis.tree.value === undefined) return null;
  const from = source(text, syntax!.root);
  const result = map.flow === true ? inBraces(from, map, []) : inLines(from, map, [], endOfHead(from, map));
  if (result === null) return null;
  const changed = text.slice(0, result.from) + result.text + text.slice(result.to);
  // An alias that would come before its anchor keeps its place, and all else too.
  return same(readTree(changed).value, analysis.tree.value) ? difference(text, changed) : null;
}

/** The one stretch in which two texts differ. */
export function difference(before: string, after: string): Splice[] {
  if (before === after) return [];
  const shorter = Math.min(before.length, after.length);
  let from = 0;
  while (from < shorter && before[from] === after[from]) from++;
  let tail = 0;
  while (tail < shorter - from && before.at(-1 - tail) === after.at(-1 - tail)) tail++;
  return [{ from, to: before.length - tail, text: after.slice(from, after.length - tail) }];
}

/** Comments at the head of a file that a blank line parts from the first key, or that nothing does, are about all of it. */
function endOfHead(from: Source, map: YAMLMap): number {
  if (map.items.length === 0) return 0;
  const first = lineStart(from.text, startOf(from, entriesOf(map, 0)[0]));
  const blank = [...from.text.slice(0, first).matchAll(/(?<![^\n])[ \t]*\r?\n/g)].at(-1);
  return blank === undefined ? first : blank.index + blank[0].length;
}

function ranks(path: readonly string[]): (entry: Entry) => number {
  const names = keyAt(path.join('.'))?.children.map(({ name }) => name) ?? [];
  return ({ key }) => {
    const name = keyName(key);
    const rank = names.indexOf(name);
    // What is merged in comes first, what the schema does not know last.
    return name === '<<' || name === 'extends' ? -1 : rank < 0 ? names.length : rank;
  };
}

/** A key with the lines that belong to it. */
interface Chunk {
  entry: Entry;
  /** Blank lines before it. */
  blank: string;
  text: string;
}

/** A block whose keys stand on lines of their own, from an offset to its end; null where there is nothing to sort. */
function inLines(from: Source, map: YAMLMap, path: readonly string[], start: number): Splice | null {
  const entries = entriesOf(map, path.length);
  const { text, lineBreak } = from;
  const chunks: Chunk[] = [];
  let at = start;
  for (const entry of entries) {
    const indent = indentAt(text, startOf(from, entry));
    if (indent === null) return null;
    const end = nextLine(text, afterComments(text, lineEnd(text, endOf(from, entry)), indent));
    const lines = sortedWithin(from, entry, path, at, end);
    const blank = /^(?:[ \t]*\r?\n)*/.exec(lines)![0];
    const body = lines.slice(blank.length);
    chunks.push({ entry, blank, text: body.endsWith('\n') ? body : body + lineBreak });
    at = end;
  }
  const rank = ranks(path);
  const order = chunks.toSorted((a, b) => rank(a.entry) - rank(b.entry));
  const isApart = path.length === 0 && chunks.slice(1).some(({ blank }) => blank !== '');
  const written = order.map((chunk, i) => {
    if (i === 0) return (chunk === chunks[0] ? chunk.blank : '') + chunk.text;
    const wasFirst = chunk === chunks[0] && isApart && /\n./.test(chunk.text);
    return (wasFirst ? lineBreak : chunk.blank) + chunk.text;
  });
  const all = written.join('');
  const isOpen = at > 0 && text[at - 1] !== '\n';
  return { from: start, to: at, text: isOpen ? all.slice(0, -lineBreak.length) : all };
}

/** The lines of a key, with what is in it sorted. */
function sortedWithin(from: Source, entry: Entry, path: readonly string[], start: number, end: number): string {
  const { text } = from;
  const { value } = entry;
  const mark = afterMark(from, entry);
  const inner = [...path, keyName(entry.key)];
  if (!isMap(value) || value.items.length === 0 || mark === null) return text.slice(start, end);
  const result = value.flow === true ? inBraces(from, value, inner) : inLines(from, value, inner, nextLine(text, mark));
  return result === null
    ? text.slice(start, end)
    : text.slice(start, result.from) + result.text + text.slice(result.to, end);
}

/** A block in braces: its keys take one another's places. */
function inBraces(from: Source, map: YAMLMap, path: readonly string[]): Splice | null {
  const entries = entriesOf(map, path.length);
  const { text } = from;
  const [first, last] = [startOf(from, entries[0]), endOf(from, entries.at(-1)!)];
  if (entries.length === 0 || text.slice(first, last).includes('#')) return null;
  const rank = ranks(path);
  const order = entries.toSorted((a, b) => rank(a) - rank(b));
  const written = entries.map((entry, i) => {
    const [start, end] = [startOf(from, order[i]), endOf(from, order[i])];
    const next = entries[i + 1];
    const between = next === undefined ? '' : text.slice(endOf(from, entry), startOf(from, next));
    return sortedWithin(from, order[i], path, start, end) + between;
  });
  return { from: first, to: last, text: written.join('') };
}
