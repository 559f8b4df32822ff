import { readFlow, scanQuoted } from './outline-flow.ts';

/** A stretch of a text, in offsets; `end` is one past its last character. */
export interface Stretch {
  start: number;
  end: number;
}

export type OutlineKind = 'empty' | 'plain' | 'quoted' | 'literal' | 'alias' | 'map' | 'list';

/** A value of a text, or the place where one is to come. */
export interface OutlineNode {
  path: readonly (string | number)[];
  kind: OutlineKind;
  style: 'block' | 'flow';
  parent: OutlineNode | null;
  /** Where its key is written; null for what is in a list. */
  key: Stretch | null;
  /** Where it is or could be written, from behind the colon, dash, bracket or comma that leads to it. */
  slot: Stretch;
  /** What is written of a scalar, quotes included, and from bracket to bracket of what is in brackets. */
  value: Stretch | null;
  /** Column of the keys or dashes of a block, 0-based. */
  indent: number;
  children: OutlineNode[];
  /** Lines among its keys that are none. */
  strays: number;
  /** Whether its quote or bracket is closed. */
  closed: boolean;
  /** Whether what follows it makes it invalid: it was not the end of a value, or a line fits no block. */
  faulty: boolean;
}

/** What can be made out of a text as YAML, however broken it is. */
export interface Outline {
  root: OutlineNode;
  /** Every node, in the order of the text. */
  nodes: OutlineNode[];
  anchors: { name: string; at: number }[];
  /** Whether more than one document begins in it. */
  several: boolean;
}

/** A config is four levels deep; what is nested deeper than this is not looked into. */
export const deepest = 32;

/** What is read so far. */
export interface Reader extends Outline {
  text: string;
  /** Blocks that are open where it reads, outermost first. */
  open: OutlineNode[];
}

/**
 * Reads a text line by line and by its indentation. What does not fit is passed over, so that one slip does not hide the
 * rest, which is where this differs from a YAML parser. Takes time in proportion to the text. Never throws.
 */
export function readOutline(source: string): Outline {
  const text = source.replace(/\r\n/g, ' \n').replace(/\r/g, '\n');
  const begin = text.startsWith('\uFEFF') ? 1 : 0;
  const root = newNode(null, [], begin);
  const reader: Reader = { text, root, nodes: [root], open: [], anchors: [], several: false };
  let ended = false;
  for (let at = begin; at < text.length;) {
    const end = lineEnd(text, at);
    const start = skipSpaces(text, at);
    const marker = start === at ? /^(---|\.\.\.)(?=\s|$)/.exec(text.slice(at, at + 4))?.[1] : undefined;
    if (isBlank(text, start)) at = end + 1;
    else if (ended || (marker === '---' && root.kind !== 'empty')) return { ...reader, several: true };
    else if (marker !== undefined) {
      ended = marker === '...';
      at = end + 1;
    } else if (text[start] === '\t' || (text[at] === '%' && root.kind === 'empty')) at = end + 1;
    else at = readLine(reader, start, start - at) + 1;
  }
  return reader;
}

export function newNode(parent: OutlineNode | null, path: readonly (string | number)[], from: number): OutlineNode {
  const slot = { start: from, end: from };
  const rest = { key: null, value: null, indent: -1, children: [], strays: 0, closed: true, faulty: false };
  return { path, kind: 'empty', style: 'block', parent, slot, ...rest };
}

/** A further value in a collection. */
export function addChild(
  { nodes }: Reader,
  parent: OutlineNode,
  name: string | null,
  key: Stretch | null,
  from: number,
): OutlineNode {
  const node = newNode(parent, [...parent.path, name ?? parent.children.length], from);
  node.key = key;
  parent.children.push(node);
  nodes.push(node);
  return node;
}

/** Column of the block that a node is in; −1 at the top. What belongs to the node is indented further. */
export function outerIndent({ parent }: OutlineNode): number {
  for (let block = parent; block !== null; block = block.parent) if (block.style === 'block') return block.indent;
  return -1;
}

export function lineEnd(text: string, at: number): number {
  const end = text.indexOf('\n', at);
  return end < 0 ? text.length : end;
}

function skipSpaces(text: string, at: number): number {
  while (text[at] === ' ') at++;
  return at;
}

function skipBlanks(text: string, at: number): number {
  while (text[at] === ' ' || text[at] === '\t') at++;
  return at;
}

/** Whether the rest of a line is blank or a comment. */
function isBlank(text: string, from: number): boolean {
  const at = skipBlanks(text, from);
  const comment = text[at] === '#' && (at === 0 || /\s/.test(text[at - 1]));
  return at >= text.length || text[at] === '\n' || comment;
}

function isItem(text: string, at: number): boolean {
  return text[at] === '-' && /^\s?$/.test(text[at + 1] ?? '');
}

/** Reads a line that is not blank, and those that its value goes on for. @returns the end of the last of them */
function readLine(reader: Reader, start: number, indent: number): number {
  const { text, root, open } = reader;
  const item = isItem(text, start);
  closeBlocks(reader, indent, item);
  const block = open.at(-1) ?? null;
  if (block?.indent === indent && (block.kind === 'list') === item) return readMember(reader, block, start);
  const holder = block === null ? root : (block.children.at(-1) ?? block);
  const inside = block === null || block.indent < indent;
  const listOfKey = item && block?.indent === indent;
  if (holder.kind === 'empty' && (inside || listOfKey)) return readInto(reader, holder, start, indent);
  if (holder.kind === 'plain' && inside) return readOn(reader, holder, start, indent);
  holder.faulty = true;
  return lineEnd(text, start);
}

/** Closes the blocks that end before a line of this indentation. */
function closeBlocks({ open }: Reader, indent: number, item: boolean): void {
  const closed: OutlineNode[] = [];
  while (open.length > 0 && open[open.length - 1].indent > indent) closed.push(open.pop()!);
  const block = open.at(-1);
  if (closed.length > 0 && block?.indent !== indent) for (const each of closed) each.faulty = true;
  const listOfKey = block?.kind === 'list' && open.at(-2)?.indent === indent;
  if (block?.indent === indent && listOfKey && !item) open.pop();
}

/** A line below a plain text: it goes on, or it was half a key above others. */
function readOn(reader: Reader, holder: OutlineNode, start: number, indent: number): number {
  const { text } = reader;
  const end = lineEnd(text, start);
  const key = keyAtStart(text, start);
  const column = holder.value!.start - (text.lastIndexOf('\n', holder.value!.start - 1) + 1);
  const alone = text.slice(holder.value!.start - column, holder.value!.start).trim() === '';
  if (key !== null && alone && column === indent) {
    holder.value = null;
    holder.faulty = true;
    return readInto(reader, holder, start, indent);
  }
  if (key !== null) holder.faulty = true;
  else holder.value!.end = holder.slot.end = plainEnd(text, start, end);
  return end;
}

/** Reads what stands on a line of its own, or behind a dash, as the value of a node. */
function readInto(reader: Reader, holder: OutlineNode, start: number, indent: number): number {
  const item = isItem(reader.text, start);
  if (holder.path.length > deepest || (!item && keyAtStart(reader.text, start) === null))
    return readValue(reader, holder, start, outerIndent(holder));
  holder.kind = item ? 'list' : 'map';
  holder.indent = indent;
  reader.open.push(holder);
  return readMember(reader, holder, start);
}

/** Reads one item or key of a block. */
function readMember(reader: Reader, block: OutlineNode, start: number): number {
  const { text } = reader;
  const end = lineEnd(text, start);
  if (block.kind === 'list') {
    const node = addChild(reader, block, null, null, start + 1);
    const at = skipBlanks(text, start + 1);
    if (!isBlank(text, start + 1)) return readInto(reader, node, at, block.indent + at - start);
    node.slot.end = Math.min(end, at);
    return end;
  }
  const key = keyAtStart(text, start);
  if (key === null) {
    block.strays++;
    return end;
  }
  const node = addChild(reader, block, key.name, { start, end: key.end }, key.colon + 1);
  return readValue(reader, node, key.colon + 1, block.indent);
}

/** The key that begins here, behind its anchor or tag, if a colon follows it. */
function keyAtStart(text: string, begin: number): { name: string; end: number; colon: number } | null {
  const whole = text.slice(begin, lineEnd(text, begin));
  const start = begin + /^(?:[&!]\S*[ \t]+)*/.exec(whole)![0].length;
  const line = whole.slice(start - begin);
  // `? key` and `: value` on lines of their own, which nobody writes but YAML has.
  if (/^[?:](?=[ \t]|$)/.test(line)) return { name: line.slice(1).trim(), end: start + 1, colon: start };
  const quoted = /^(?:"((?:[^"\\]|\\.)*)"|'((?:[^']|'')*)')[ \t]*:(?=[ \t]|$)/.exec(line);
  if (quoted !== null) {
    const colon = start + quoted[0].length - 1;
    return { name: quoted[1] ?? quoted[2], end: start + quoted[0].slice(0, -1).trimEnd().length, colon };
  }
  if (!/^(?:[^\s\-?:,[\]{}#&*!|>'"%@`]|[-?:](?=\S))/.test(line)) return null;
  const colon = /:(?=[ \t]|$)/.exec(line)?.index ?? -1;
  const comment = /[ \t]#/.exec(line)?.index ?? Infinity;
  if (colon < 0 || comment < colon) return null;
  const name = line.slice(0, colon).trimEnd();
  return { name, end: start + name.length, colon: start + colon };
}

/** Reads the value that follows a colon or a dash. @returns the end of its last line */
function readValue(reader: Reader, node: OutlineNode, from: number, outer: number): number {
  const { text } = reader;
  const at = skipProperties(reader, from);
  const end = lineEnd(text, at);
  node.slot = { start: from, end: Math.min(at, end) };
  if (isBlank(text, at)) return end;
  if (text[at] === '{' || text[at] === '[') return finish(reader, node, readFlow(reader, node, at, outer));
  if (text[at] === '"' || text[at] === "'") {
    const scanned = scanQuoted(text, at, outer);
    Object.assign(node, { kind: 'quoted', closed: scanned.closed });
    return finish(reader, node, scanned.end);
  }
  if (/^[|>][-+0-9]*[ \t]*(?:[ \t]#.*)?$/.test(text.slice(at, end))) return readLiteral(reader, node, at, outer);
  node.kind = text[at] === '*' ? 'alias' : 'plain';
  node.value = { start: at, end: plainEnd(text, at, end) };
  node.slot.end = node.value.end;
  node.faulty ||= /:(?:[ \t]|$)/.test(text.slice(at, node.value.end));
  return end;

  function finish({ text }: Reader, node: OutlineNode, to: number): number {
    node.value = { start: at, end: to };
    node.slot.end = to;
    if (!isBlank(text, to) || (text[to] === '#' && node.closed)) node.faulty = true;
    return lineEnd(text, to);
  }
}

/** Passes anchors and tags, and blanks. */
function skipProperties(reader: Reader, from: number): number {
  const { text } = reader;
  let at = skipBlanks(text, from);
  while (text[at] === '&' || text[at] === '!') at = skipBlanks(text, readProperty(reader, at, /\S+/y));
  return at;
}

/** Reads an anchor or a tag. @returns its end */
export function readProperty({ text, anchors }: Reader, at: number, pattern: RegExp): number {
  pattern.lastIndex = at;
  const property = pattern.exec(text)![0];
  if (property.startsWith('&')) anchors.push({ name: property.slice(1), at });
  return at + property.length;
}

function plainEnd(text: string, from: number, end: number): number {
  const line = text.slice(from, end);
  const comment = /[ \t]#/.exec(line)?.index ?? line.length;
  return from + line.slice(0, comment).trimEnd().length;
}

/** A text after `|` or `>`: every line that is indented further. */
function readLiteral({ text }: Reader, node: OutlineNode, from: number, outer: number): number {
  let end = lineEnd(text, from);
  for (let at = end + 1; at < text.length;) {
    const start = skipSpaces(text, at);
    const next = lineEnd(text, at);
    if (text.slice(start, next).trim() !== '' && start - at <= outer) break;
    end = next;
    at = next + 1;
  }
  node.kind = 'literal';
  node.value = { start: from, end };
  node.slot.end = end;
  return end;
}
