import { joinPath } from '../../../../../engine/config/tree.ts';
import { keyAt, promptSourceKeys, rootKey, type KeyInfo } from '../../../../../engine/config/walk.ts';
import { readOutline, type Outline, type OutlineNode, type Stretch } from './outline.ts';

type Path = readonly (string | number)[];

/** A place where a key can be written. */
export interface KeySpot {
  /** Of the block; empty at the top. */
  path: Path;
  /** Keys that the block has already, without the one at the cursor. */
  written: Set<string>;
  /** The word that the key replaces. */
  word: Stretch;
  style: 'block' | 'flow';
  /** What stands behind the word already: a colon, or the lines of a block that lacks its colon. */
  follows: 'nothing' | 'colon' | 'block';
  /** Whether the next key stands right behind, so that a comma is needed. */
  comma: boolean;
}

/** A place where a value can be written. */
export interface ValueSpot {
  path: Path;
  /** What the value replaces. */
  word: Stretch;
  style: 'block' | 'flow';
  quote: '"' | "'" | null;
  /** Whether it stands right behind its colon, dash or comma. */
  glued: boolean;
  /** Whether what introduces it is on this line, so that a block can begin on the next. */
  sameLine: boolean;
  /** It begins with `*`. */
  alias: boolean;
}

/** What can be written at a cursor, and what stands around it. */
export interface Spot {
  text: string;
  cursor: number;
  /** Of the text as it is. */
  outline: Outline;
  key: KeySpot | null;
  value: ValueSpot | null;
}

/** Longer texts are no configs. */
const longest = 2 ** 20;

export function outlineOf(text: string): Outline {
  return readOutline(text.length > longest ? '' : text);
}

/** Finds out what can be written at an offset of a text, which may be broken anywhere. */
export function spotAt(text: string, cursor: number, outline = outlineOf(text)): Spot {
  const nowhere: Spot = { text, cursor, outline, key: null, value: null };
  if (outline.several || text.length > longest) return nowhere;
  const word = wordAt(text, cursor);
  const found = word === null ? null : withMark(text, word);
  const node = found?.node.parent ?? null;
  if (word === null || found === null || node === null || isEnclosed(outline, cursor, node))
    return { ...nowhere, value: valueSlot(text, cursor, outline) };
  const names = node.children.filter((child) => child !== found.node).map((child) => String(child.path.at(-1)));
  const key: KeySpot = { path: node.path, written: new Set(names), word, style: node.style, ...found.way };
  // Alone on its lines, it could as well be the value of the key above.
  const alone = names.length === 0 && node.style === 'block' && node.path.length > 0 && found.way.follows === 'nothing';
  return { ...nowhere, key, value: alone ? valueBelow(text, word, node) : null };
}

/** The word at a cursor, if it stands by itself. */
function wordAt(text: string, cursor: number): Stretch | null {
  let [start, end] = [cursor, cursor];
  while (start > 0 && /[\w.-]/.test(text[start - 1])) start--;
  while (end < text.length && /[\w.-]/.test(text[end])) end++;
  while (start < end && /[.-]/.test(text[start])) start++;
  if (start > cursor) start = end = cursor;
  return end === text.length || /[\s:,}\]"']/.test(text[end]) ? { start, end } : null;
}

/** A key that no config has. */
const mark = 'sage-key-at-cursor';

type Way = Pick<KeySpot, 'follows' | 'comma'>;

/** Puts a key in the place of the word, in each way in which that may make sense, and looks whether it is taken for one. */
function withMark(text: string, word: Stretch): { node: OutlineNode; way: Way } | null {
  const [before, after] = [text.slice(0, word.start), text.slice(word.end)];
  const colon = /^["']?[ \t]*:(?=[\s,}\]]|$)/.test(after);
  const ways: [string, Way][] = colon
    ? [['', { follows: 'colon', comma: false }]]
    : [
        [`: ''`, { follows: 'nothing', comma: false }],
        [`: '',`, { follows: 'nothing', comma: true }],
      ];
  if (!colon && word.end > word.start) ways.push([':', { follows: 'block', comma: false }]);
  for (const [written, way] of ways) {
    const node = readOutline(before + mark + written + after).nodes.find(({ path }) => path.at(-1) === mark);
    if (node === undefined) return null;
    if (way.comma && node.style === 'block' && node.parent?.style === 'block') continue;
    if (!node.faulty && node.closed && node.parent !== null && !isMisfit(node.parent)) return { node, way };
  }
  return null;
}

/** Whether a block cannot be one: lines fit it badly, or without the key at the cursor it is a plain text. */
function isMisfit({ faulty, strays, children }: OutlineNode): boolean {
  return faulty || (strays > 0 && children.length === 1);
}

/** Whether a cursor is within brackets or quotes that do end, so that no block can begin there. */
function isEnclosed({ nodes }: Outline, cursor: number, found: OutlineNode): boolean {
  if (found.style === 'flow') return false;
  return nodes.some(({ value, closed, style, kind }) => {
    const brackets = kind === 'quoted' || (style === 'flow' && (kind === 'map' || kind === 'list'));
    return brackets && closed && value !== null && value.start < cursor && cursor < value.end;
  });
}

function valueBelow(text: string, word: Stretch, { path }: OutlineNode): ValueSpot {
  const sameLine = text.slice(text.lastIndexOf('\n', word.start - 1) + 1, word.start).trim() !== '';
  return { path, word, style: 'block', quote: null, glued: false, sameLine, alias: false };
}

/** As far as a value reaches: an item of a list may have begun another word. */
function reach(text: string, { slot, kind, path }: OutlineNode): number {
  let end = slot.end;
  if (kind === 'plain' && typeof path.at(-1) === 'number') while (text[end] === ' ') end++;
  return /[\r\n,\]]|^$/.test(text[end] ?? '') ? end : slot.end;
}

/** The innermost value that is or could be written at a cursor. */
function valueSlot(text: string, cursor: number, { nodes }: Outline): ValueSpot | null {
  const scalars = ['empty', 'plain', 'quoted', 'alias'];
  const node = nodes.findLast(
    (each) =>
      each.path.length > 0 && scalars.includes(each.kind) && each.slot.start <= cursor && cursor <= reach(text, each),
  );
  if (node === undefined) return null;
  const start = Math.min(cursor, node.value?.start ?? cursor);
  const word = { start, end: Math.max(cursor, node.value?.end ?? cursor) };
  if (text.slice(word.start, word.end).includes('\n')) return null;
  const first = text[node.value?.start ?? -1];
  return {
    ...{ path: node.path, word },
    style: node.parent?.style ?? 'block',
    quote: node.kind === 'quoted' ? (first as '"' | "'") : null,
    glued: word.start === node.slot.start && /[:,-]/.test(text[word.start - 1] ?? ''),
    sameLine: true,
    alias: node.kind === 'alias',
  };
}

/** The keys that the schema allows in a block; none for what is no block, or is in a list. */
export function keysOf(path: Path): readonly KeyInfo[] {
  if (path.some((part) => typeof part === 'number')) return [];
  const info = path.length === 0 ? rootKey : keyAt(joinPath(path));
  if (info?.kind === 'prompts') return promptSourceKeys;
  return info?.kind === 'block' ? info.children : [];
}

/** What the schema knows of the key at a path. */
export function keyOf(path: Path): KeyInfo | null {
  return keysOf(path.slice(0, -1)).find(({ name }) => name === path.at(-1)) ?? null;
}
