import { isAlias, isMap, isScalar, isSeq, type Node, type YAMLMap } from 'yaml';
import { keyName } from '../../../../../engine/config/tree.ts';
import { promptFileKeys, keyAt } from '../../../../../engine/config/walk.ts';
import { isBlock } from '../../../../../engine/config/data.ts';
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
  rangeOf,
  startOf,
  walk,
  type Entry,
  type Source,
} from './source.ts';
import { children, entry as written, inline, instead, isBlockOfConfig, isInline, type Given } from './write.ts';

/** Writes a value at a path, and the blocks above it where they are missing. Null where the text has no place for it. */
export function setAt(source: Source, path: readonly string[], given: Given): Splice[] | null {
  const { entries, rest } = walk(source, path);
  const holder = entries.at(-1) ?? null;
  if (rest.length === 0) return holder === null ? null : replace(source, holder, given);
  const node = holder === null ? (source.root.contents as Node | null) : holder.value;
  const [name] = rest;
  const value = nested(source, rest, given, entries.length);
  if (isMap(node) && node.items.length === 0 && holder !== null && !inFlow(holder))
    return replace(source, holder, onlyKey(source, holder, name, value));
  if (isMap(node)) return insert(source, { map: node, path: path.slice(0, entries.length), holder }, name, value);
  if (isSeq(node)) return append(source, holder!, name, value);
  if (holder === null) return isEmpty(node) ? [atTheEnd(source, name, value)] : null;
  if (isAlias(node)) {
    const [from, to] = rangeOf(node);
    const alias = source.text.slice(from, to);
    return [
      {
        from,
        to,
        text: `{ <<: ${alias}, ${inline({ [name]: value.value }, true)
          .slice(1)
          .trimStart()}`,
      },
    ];
  }
  return replace(source, holder, onlyKey(source, holder, name, value));
}

/** What a block is given that has no keys yet. */
function onlyKey(source: Source, holder: Entry, name: string, given: Given): Given {
  if (isPlain(given) || inFlow(holder)) return { value: { [name]: given.value } };
  const lines = written(name, given, '', holder.depth + 1, source).split(source.lineBreak);
  return { value: { [name]: given.value }, lines };
}

const isPlain = ({ text, lines, comment }: Given) => text === undefined && lines === undefined && comment === undefined;

/** What the first of the missing keys is given, so that the last one has the value. */
function nested(source: Source, rest: readonly string[], given: Given, depth: number): Given {
  let value = given;
  for (let i = rest.length - 1; i > 0; i--) {
    const lines = isPlain(value) ? undefined : written(rest[i], value, '', depth + i, source).split(source.lineBreak);
    value = { value: { [rest[i]]: value.value }, lines };
  }
  return value;
}

function atTheEnd(source: Source, name: string, given: Given): Splice {
  const { text, lineBreak } = source;
  const before = text === '' || text.endsWith('\n') ? '' : lineBreak;
  return { from: text.length, to: text.length, text: before + written(name, given, '', 0, source) + lineBreak };
}

interface Target {
  map: YAMLMap;
  path: readonly string[];
  holder: Entry | null;
}

function insert(source: Source, target: Target, name: string, given: Given): Splice[] {
  const depth = target.path.length;
  const siblings = entriesOf(target.map, depth);
  const before = siblingBefore(siblings, target.path, name);
  if (target.map.flow === true) return [insertInFlow(source, target.map, siblings, before, name, given)];
  const { text, lineBreak } = source;
  const start = startOf(source, siblings[0]);
  const own = siblings.map((sibling) => indentAt(text, startOf(source, sibling))).find((indent) => indent !== null);
  const indent = own ?? ' '.repeat(start - lineStart(text, start));
  const lines = written(name, given, indent, depth, source);
  // Blocks of the config itself stand apart where the others do.
  const apart = depth === 0 && lines.includes('\n') && /\n[ \t]*\r?\n\S/.test(text) ? lineBreak : '';
  if (before !== null) {
    const at = afterComments(text, lineEnd(text, endOf(source, before)), indent);
    return [{ from: at, to: at, text: lineBreak + apart + lines }];
  }
  const colon = target.holder === null ? null : afterMark(source, target.holder);
  if (colon !== null && lineEnd(text, colon) < start && target.holder!.key !== null && own !== undefined)
    return [{ from: lineEnd(text, colon), to: lineEnd(text, colon), text: lineBreak + lines }];
  return [{ from: start, to: start, text: lines.slice(indent.length) + lineBreak + apart + indent }];
}

/** The key after which another belongs, by the order of the schema; null where it comes first. */
function siblingBefore(siblings: readonly Entry[], path: readonly string[], name: string): Entry | null {
  const names = namesIn(path);
  const place = names.indexOf(name);
  if (place < 0) return siblings.at(-1) ?? null;
  const earlier = ['<<', ...names.slice(0, place)];
  for (const each of earlier.reverse()) {
    const found = siblings.findLast(({ key }) => keyName(key) === each);
    if (found !== undefined) return found;
  }
  return null;
}

/** The keys that a block may have, in the order of the schema. */
function namesIn(path: readonly string[]): string[] {
  const info = keyAt(path.join('.'));
  const known = info?.kind === 'prompts' ? promptFileKeys : (info?.children.map((child) => child.name) ?? []);
  return path.length === 0 ? ['extends', ...known] : [...known];
}

/** Where a key stands among those of its block; one that the schema does not know comes last. */
export function rankIn(path: readonly string[], name: string): number {
  const names = namesIn(path);
  return names.includes(name) ? names.indexOf(name) : names.length;
}

function insertInFlow(
  source: Source,
  map: YAMLMap,
  siblings: readonly Entry[],
  before: Entry | null,
  name: string,
  given: Given,
): Splice {
  const isSafe = given.text !== undefined && /^([\w.+-]+|"[^"\n]*"|'[^'\n]*')$/.test(given.text);
  const text = `${inline(name, true)}: ${isSafe ? given.text : inline(given.value, true)}`;
  if (siblings.length === 0) {
    const [from, to] = rangeOf(map);
    return { from: from + 1, to: to - 1, text: ` ${text} ` };
  }
  if (before === null) {
    const at = startOf(source, siblings[0]);
    return { from: at, to: at, text: `${text}, ` };
  }
  const at = endOf(source, before);
  return { from: at, to: at, text: `, ${text}` };
}

/** Adds an item to a list, whose name is the next index. */
function append(source: Source, holder: Entry, name: string, given: Given): Splice[] | null {
  const items = isSeq(holder.value) ? entriesOf(holder.value, holder.depth + 1) : [];
  const last = items.at(-1);
  if (name !== String(items.length) || last === undefined) return null;
  const end = endOf(source, last);
  if (inFlow(last)) return [{ from: end, to: end, text: `, ${inline(given.value, true)}` }];
  const indent = indentAt(source.text, startOf(source, last));
  if (indent === null) return null;
  const at = lineEnd(source.text, end);
  return [{ from: at, to: at, text: `${source.lineBreak}${indent}- ${inline(given.value, false)}` }];
}

/** Gives a key, or an item, another value. */
function replace(source: Source, entry: Entry, given: Given): Splice[] | null {
  const { value: old } = entry;
  const flow = inFlow(entry);
  const { text, lineBreak } = source;
  const mark = afterMark(source, entry);
  const isBroken = !flow && entry.key !== null && needsLines(entry, given);
  const line =
    !flow && given.text !== undefined
      ? given.text
      : isScalar(old) && !isEmpty(old)
        ? instead(old, given.value, flow)
        : inline(given.value, flow);
  if (!isBroken && old !== null && !isEmpty(old) && (isScalar(old) || !isBlockStyle(old) || entry.key === null))
    return [{ from: rangeOf(old)[0], to: endOf(source, entry), text: line }];
  if (mark === null) return flow && old === null ? [insertAt(endOf(source, entry), `: ${line}`)] : null;
  const end = endOf(source, entry);
  const rest = isBlockStyle(old) && !isScalar(old) ? { from: Math.min(lineEnd(text, mark), end), to: end } : null;
  if (!isBroken) return [insertAt(mark, ` ${line}`), ...(rest === null ? [] : [{ ...rest, text: '' }])];
  const indent = indentAt(text, startOf(source, entry));
  if (indent === null) return null;
  const deeper = indent + ' '.repeat(source.step);
  const moved = given.lines?.map((each) => (each === '' ? '' : deeper + each));
  const lines = (moved ?? children(given.value, deeper, entry.depth + 1, source))
    .map((each) => lineBreak + each)
    .join('');
  if (rest !== null) return [{ ...rest, text: lines }];
  if (old === null || isEmpty(old)) return [insertAt(lineEnd(text, mark), lines)];
  return [{ from: mark, to: end, text: '' }, insertAt(lineEnd(text, end), lines)];
}

function needsLines(entry: Entry, given: Given): boolean {
  if (given.lines !== undefined) return true;
  const { value } = given;
  if (given.text !== undefined || (!isBlock(value) && !Array.isArray(value))) return false;
  const mayBeBlock = entry.depth > 0 || !isBlockOfConfig(keyName(entry.key));
  return !isInline(value, ' '.repeat(20) + inline(value, false), mayBeBlock);
}

function insertAt(at: number, text: string): Splice {
  return { from: at, to: at, text };
}
