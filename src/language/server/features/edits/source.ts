import {
  isAlias,
  isMap,
  isNode,
  isScalar,
  isSeq,
  type Document,
  type Node,
  type Pair,
  type YAMLMap,
  type YAMLSeq,
} from 'yaml';
import { keyName } from '../../../../../engine/config/tree.ts';
import type { Layout } from './write.ts';

/** A text and its syntax tree. */
export interface Source extends Layout {
  text: string;
  root: Document.Parsed;
}

/** A key of a block with its value, or an item of a list. */
export interface Entry {
  parent: YAMLMap | YAMLSeq;
  /** Among its siblings. */
  index: number;
  key: Node | null;
  value: Node | null;
  /** Of blocks and lists around it. */
  depth: number;
}

export function source(text: string, root: Document.Parsed): Source {
  const lineBreak = /^[^\n]*\r\n/.test(text) ? '\r\n' : '\n';
  // The first line that is indented, and no item of a list.
  const step = /^( +)[^\s#-]/m.exec(text)?.[1].length ?? 2;
  return { text, root, lineBreak, step };
}

export const rangeOf = (node: Node): [from: number, to: number] => [node.range![0], node.range![1]];

export function entriesOf(parent: YAMLMap | YAMLSeq, depth: number): Entry[] {
  const node = (value: unknown) => (isNode(value) ? value : null);
  if (isMap(parent))
    return (parent.items as Pair[]).map(({ key, value }, index) => ({
      parent,
      index,
      key: node(key),
      value: node(value),
      depth,
    }));
  return parent.items.map((value, index) => ({ parent, index, key: null, value: node(value), depth }));
}

/** How far a path leads: the keys that are there, and the parts that are not. */
export interface Walk {
  entries: Entry[];
  rest: string[];
}

export function walk({ root }: Source, path: readonly string[]): Walk {
  const entries: Entry[] = [];
  let node = root.contents as Node | null;
  for (const [i, part] of path.entries()) {
    if (!isMap(node) && !isSeq(node)) return { entries, rest: path.slice(i) };
    // Of a key that stands twice the last one counts.
    const next = entriesOf(node, i).findLast(
      ({ key, index }) => (key === null ? String(index) : keyName(key)) === part,
    );
    if (next === undefined) return { entries, rest: path.slice(i) };
    entries.push(next);
    node = next.value;
  }
  return { entries, rest: [] };
}

/** Whether nothing is written: `key:` with or without a comment. */
export function isEmpty(value: Node | null): boolean {
  return (
    value === null || (isScalar(value) && value.value === null && value.source === '' && value.anchor === undefined)
  );
}

export const inFlow = ({ parent }: Entry) => parent.flow === true;

/** Of what is written in several lines by its indentation. */
export function isBlockStyle(node: Node | null): boolean {
  if (isMap(node) || isSeq(node)) return node.flow !== true;
  return isScalar(node) && (node.type === 'BLOCK_FOLDED' || node.type === 'BLOCK_LITERAL');
}

/** Offset after the colon of a key, or after the dash of an item; null where there is none. */
export function afterMark({ text }: Source, { key, value }: Entry): number | null {
  if (key === null) return value === null ? null : text.lastIndexOf('-', rangeOf(value)[0] - 1) + 1;
  const colon = /[ \t]*:/y;
  colon.lastIndex = rangeOf(key)[1];
  return colon.test(text) ? colon.lastIndex : null;
}

/** Offset after the last character of an entry, without a comment or a line break. */
export function endOf(source: Source, entry: Entry): number {
  const { key, value, depth } = entry;
  if (value === null || isEmpty(value)) return afterMark(source, entry) ?? rangeOf(key!)[1];
  if (isAlias(value)) return rangeOf(value)[1];
  if ((isMap(value) || isSeq(value)) && isBlockStyle(value) && value.items.length > 0)
    return endOf(source, entriesOf(value, depth + 1).at(-1)!);
  const [from, to] = rangeOf(value);
  return from + source.text.slice(from, to).trimEnd().length;
}

/** Offset of the first character of an entry: its key, or the dash before it. */
export function startOf(source: Source, entry: Entry): number {
  if (entry.key !== null) return rangeOf(entry.key)[0];
  const value = rangeOf(entry.value!)[0];
  return inFlow(entry) ? value : (afterMark(source, entry) ?? value + 1) - 1;
}

// `lastIndexOf` takes a place before the text for its first character, which may be a line break.
export const lineStart = (text: string, at: number) => (at > 0 ? text.lastIndexOf('\n', at - 1) + 1 : 0);

/** Offset of the line break that ends a line, or of the end of the text. */
export function lineEnd(text: string, at: number): number {
  const end = text.indexOf('\n', at);
  if (end < 0) return text.length;
  return end > at && text[end - 1] === '\r' ? end - 1 : end;
}

/** Offset of the next line. */
export function nextLine(text: string, at: number): number {
  const end = text.indexOf('\n', at);
  return end < 0 ? text.length : end + 1;
}

/** The indentation of what begins at an offset; null where something else stands before it on its line. */
export function indentAt(text: string, at: number): string | null {
  const before = text.slice(lineStart(text, at), at);
  return /^ *$/.test(before) ? before : null;
}

/** End of the comment lines that follow a line and are indented deeper than `indent`, so that they belong to it. */
export function afterComments(text: string, end: number, indent: string): number {
  let at = end;
  for (;;) {
    const next = nextLine(text, at);
    const line = text.slice(next, lineEnd(text, next));
    const comment = /^( +)#/.exec(line);
    if (next === at || comment === null || comment[1].length <= indent.length) return at;
    at = lineEnd(text, next);
  }
}
