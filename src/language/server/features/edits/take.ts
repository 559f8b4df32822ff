import { isScalar, type Node } from 'yaml';
import { keyName } from '../../../../../engine/config/tree.ts';
import type { Splice } from './draft.ts';
import {
  afterComments,
  afterMark,
  endOf,
  entriesOf,
  indentAt,
  inFlow,
  isBlockStyle,
  isEmpty,
  lineEnd,
  lineStart,
  nextLine,
  rangeOf,
  startOf,
  type Entry,
  type Source,
} from './source.ts';
import { instead, type Given } from './write.ts';

/**
 * Removes the last of these entries, each of which stands in the one before it. Comments of other lines stay.
 * @param withComments those right above it go as well
 */
export function remove(source: Source, entries: readonly Entry[], withComments = false): Splice[] | null {
  const entry = entries.at(-1)!;
  const siblings = entriesOf(entry.parent, entry.depth);
  if (inFlow(entry)) return [removeFromFlow(source, entry, siblings)];
  if (siblings.length === 1) return removeOnly(source, entry, entries.at(-2) ?? null);
  const { text } = source;
  const start = startOf(source, entry);
  const indent = indentAt(text, start);
  const end = endOf(source, entry);
  if (indent !== null && withComments)
    return [wholeLines(text, commentsAbove(text, start, indent), afterComments(text, lineEnd(text, end), indent))];
  if (indent !== null) return [wholeLines(text, start, end)];
  const next = siblings[entry.index + 1];
  return next === undefined ? null : [{ from: start, to: startOf(source, next), text: '' }];
}

/** The lines from here to there, and a blank line where two would be left. */
function wholeLines(text: string, start: number, end: number): Splice {
  let from = lineStart(text, start);
  let to = nextLine(text, end);
  const isBlank = (at: number) => text.slice(lineStart(text, at), lineEnd(text, at)).trim() === '';
  const blankBefore = from > 0 && isBlank(from - 1);
  if (blankBefore && to < text.length && isBlank(to)) to = nextLine(text, to);
  else if (to === text.length) {
    // A text keeps its last line break, or its lack of one.
    if (blankBefore) from = lineStart(text, from - 1);
    if (from > 0 && !text.endsWith('\n')) from = lineEnd(text, lineStart(text, from - 1));
  }
  return { from, to, text: '' };
}

/** Offset of the first of the comment lines right above a line; those at the head of a file belong to all of it. */
function commentsAbove(text: string, start: number, indent: string): number {
  let at = lineStart(text, start);
  while (at > 0) {
    const above = lineStart(text, at - 1);
    if (!text.startsWith(`${indent}#`, above)) break;
    at = above;
  }
  return text.slice(0, at).trim() === '' ? lineStart(text, start) : at;
}

function removeFromFlow(source: Source, entry: Entry, siblings: readonly Entry[]): Splice {
  const [start, end] = [startOf(source, entry), endOf(source, entry)];
  const comma = /[ \t]*,[ \t]*/y;
  comma.lastIndex = end;
  if (comma.test(source.text)) return { from: start, to: comma.lastIndex, text: '' };
  const before = siblings[entry.index - 1];
  if (siblings.length === 1 && entry.parent.range) {
    const [from, to] = [entry.parent.range[0] + 1, entry.parent.range[1] - 1];
    if (!source.text.slice(from, to).includes('#')) return { from, to, text: '' };
  }
  return { from: before === undefined ? start : endOf(source, before), to: end, text: '' };
}

/** A block without keys is written as `{}`. */
function removeOnly(source: Source, entry: Entry, holder: Entry | null): Splice[] | null {
  const { text } = source;
  const [start, end] = [startOf(source, entry), endOf(source, entry)];
  const empty = entry.key === null ? '[]' : '{}';
  if (holder === null) return [{ from: start, to: end, text: empty }];
  const mark = afterMark(source, holder);
  if (mark === null) return null;
  if (lineEnd(text, mark) > start) return [{ from: start, to: end, text: empty }];
  const lines = { from: lineEnd(text, lineStart(text, start) - 1), to: lineEnd(text, end), text: '' };
  if (text[lines.from - 1] === '\r') lines.from--;
  return [{ from: mark, to: mark, text: ` ${empty}` }, lines];
}

/** Calls a key otherwise; another one that has the name already gives way. */
export function rename(source: Source, entries: readonly Entry[], name: string): Splice[] | null {
  const entry = entries.at(-1)!;
  if (!isScalar(entry.key)) return null;
  const [from, to] = rangeOf(entry.key);
  const splices = [{ from, to, text: instead(entry.key, name, inFlow(entry)) }];
  const others = entriesOf(entry.parent, entry.depth).filter(({ key }) => keyName(key) === name && key !== entry.key);
  for (const other of others) {
    const removed = remove(source, [...entries.slice(0, -1), other]);
    if (removed === null) return null;
    splices.push(...removed);
  }
  return splices;
}

/** What an entry is, and its very text, to be written elsewhere. */
export function carried(source: Source, entry: Entry): Given | null {
  const { text, root } = source;
  const { value } = entry;
  const mark = afterMark(source, entry);
  if (mark === null || value === null || isEmpty(value)) return { value: null };
  const given: Given = { value: (value as Node).toJS(root, { maxAliasCount: -1 }) as unknown };
  const end = endOf(source, entry);
  const comment = /^[ \t]+(#.*)$/;
  const isBroken = isBlockStyle(value);
  const after = isBroken ? mark : end;
  const tail = inFlow(entry) ? null : comment.exec(text.slice(after, lineEnd(text, after)));
  if (tail !== null) given.comment = tail[1].trimEnd();
  if (!isBroken) {
    const line = text.slice(mark, end).trim();
    if (!line.includes('\n')) given.text = line;
  } else if (!isScalar(value) && text.slice(mark, lineEnd(text, mark)).replace(/#.*/, '').trim() === '') {
    const indent = lineStart(text, rangeOf(value)[0]);
    const depth = rangeOf(value)[0] - indent;
    const lines = text.slice(nextLine(text, mark), lineEnd(text, end)).split(/\r?\n/);
    given.lines = lines.map((line) => line.slice(Math.min(depth, line.length - line.trimStart().length)).trimEnd());
  }
  return given;
}
