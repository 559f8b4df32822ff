import { addChild, deepest, lineEnd, readProperty, type OutlineNode, type Reader, type Stretch } from './outline.ts';

/** Where a quoted text ends. An unclosed one ends with its line, so that it does not swallow the rest. */
export function scanQuoted(text: string, from: number, outer: number): { end: number; closed: boolean } {
  const quote = text[from];
  for (let at = from + 1; at < text.length; at++) {
    if (text[at] === '\n' && leaves(text, at, outer)) break;
    if (quote === '"' && text[at] === '\\') at++;
    else if (text[at] === quote && quote === "'" && text[at + 1] === quote) at++;
    else if (text[at] === quote) return { end: at + 1, closed: true };
  }
  return { end: lineEnd(text, from), closed: false };
}

/** Whether the line after a line break belongs to an outer block. */
function leaves(text: string, lineBreak: number, outer: number): boolean {
  let start = lineBreak + 1;
  while (text[start] === ' ') start++;
  const first = text[start];
  if (first === undefined || first === '\n' || first === '#') return false;
  return start - lineBreak - 1 <= outer && first !== '}' && first !== ']';
}

/** A collection in brackets that is being read. */
interface Frame {
  node: OutlineNode;
  /** What is read of the present member: nothing, its key, its colon, its value. */
  state: 'start' | 'key' | 'colon' | 'done';
  /** The key, or what may become one. */
  name: Stretch | null;
  member: OutlineNode | null;
}

/**
 * Reads what is in brackets. One that is not closed ends before the first line that an outer block must own.
 * @param at its opening bracket
 * @param outer column of the block around it
 * @returns one past the closing bracket, or the end of the last line that belongs to it
 */
export function readFlow(reader: Reader, node: OutlineNode, at: number, outer: number): number {
  const { text } = reader;
  const frames: Frame[] = [openFrame(reader, node, at)];
  let end = at + 1;
  while (end < text.length) {
    const frame = frames[frames.length - 1];
    const char = text[end];
    if (char === '\n' && leaves(text, end, outer)) break;
    if (/\s/.test(char)) end++;
    else if (char === '#' && /\s/.test(text[end - 1])) end = lineEnd(text, end);
    else if (char === ',') {
      endMember(reader, frame, end);
      beginMember(reader, frame, ++end);
    } else if (char === '}' || char === ']') {
      endMember(reader, frame, end++);
      closeFrame(frames.pop()!, end);
      if (frames.length === 0) return end;
      frames[frames.length - 1].state = 'done';
    } else if ((char === '{' || char === '[') && frames.length < deepest) {
      const member = valueOf(reader, frame, end);
      frames.push(openFrame(reader, member, end++));
    } else if (char === ':' && isColon(text, end, frame)) readColon(reader, frame, end++);
    else end = readScalar(reader, frame, end, outer);
  }
  for (const frame of frames) {
    endMember(reader, frame, end);
    frame.node.closed = false;
    closeFrame(frame, end);
  }
  return end;
}

function openFrame(reader: Reader, node: OutlineNode, at: number): Frame {
  Object.assign(node, { kind: reader.text[at] === '{' ? 'map' : 'list', style: 'flow', value: { start: at, end: at } });
  const frame: Frame = { node, state: 'start', name: null, member: null };
  beginMember(reader, frame, at + 1);
  return frame;
}

function closeFrame({ node }: Frame, end: number): void {
  node.value!.end = end;
  node.slot.end = end;
}

/** Whatever may stand in a list has its place from the comma on; in a map, from the colon on. */
function beginMember(reader: Reader, frame: Frame, from: number): void {
  Object.assign(frame, { state: 'start', name: null, member: null });
  if (frame.node.kind === 'list') frame.member = addChild(reader, frame.node, null, null, from);
}

function endMember(reader: Reader, frame: Frame, at: number): void {
  const { node, name, state, member } = frame;
  // A key without a colon has no place for a value.
  if (state === 'key' && name !== null) addChild(reader, node, reader.text.slice(name.start, name.end), name, Infinity);
  if (member === null || member.kind !== 'empty') return;
  member.slot.end = at;
  const line = reader.text.indexOf('\n', member.slot.start);
  if (line >= 0 && line < at) member.slot.end = line;
  if (node.kind === 'list') node.children.pop();
}

function isColon(text: string, at: number, { state }: Frame): boolean {
  return /[\s,[\]{}]/.test(text[at + 1] ?? ' ') || (state === 'key' && /["']/.test(text[at - 1]));
}

function readColon(reader: Reader, frame: Frame, at: number): void {
  const { node, state, name } = frame;
  if (node.kind === 'map' && state === 'key' && name !== null) {
    const written = reader.text.slice(name.start, name.end);
    frame.member = addChild(reader, node, /^["']/.test(written) ? written.slice(1, -1) : written, name, at + 1);
    frame.state = 'colon';
  } else if (frame.member !== null) frame.member.faulty = true;
}

/** The node that a value is written for. */
function valueOf(reader: Reader, frame: Frame, at: number): OutlineNode {
  const free = frame.state === 'colon' || (frame.node.kind === 'list' && frame.state === 'start');
  if (frame.member !== null && free) return frame.member;
  if (frame.member !== null) frame.member.faulty = true;
  // Something stands where nothing can: it is read, but belongs to no key.
  return { ...addChild(reader, frame.node, '', null, at), faulty: true };
}

function readScalar(reader: Reader, frame: Frame, from: number, outer: number): number {
  const { text } = reader;
  if (text[from] === '&' || text[from] === '!') {
    return readProperty(reader, from, /[^\s,[\]{}]+/y);
  }
  const isQuoted = text[from] === '"' || text[from] === "'";
  const scanned = isQuoted ? scanQuoted(text, from, outer) : { end: plainFlowEnd(text, from), closed: true };
  const stretch = { start: from, end: scanned.end };
  if (frame.node.kind === 'map' && frame.state === 'start') Object.assign(frame, { state: 'key', name: stretch });
  else if (frame.node.kind === 'map' && frame.state === 'key') frame.name = { ...stretch, start: frame.name!.start };
  else if (frame.state === 'done') goOn(frame, stretch, isQuoted);
  else {
    const kind = isQuoted ? 'quoted' : text[from] === '*' ? 'alias' : 'plain';
    Object.assign(frame.member!, { kind, value: stretch, closed: scanned.closed });
    frame.member!.slot.end = stretch.end;
    frame.state = 'done';
  }
  return stretch.end;
}

/** More text where a value has been: a plain one goes on, another cannot. */
function goOn({ member }: Frame, { end }: Stretch, isQuoted: boolean): void {
  if (member?.kind === 'plain' && !isQuoted) member.value!.end = member.slot.end = end;
  else if (member !== null) member.faulty = true;
}

function plainFlowEnd(text: string, from: number): number {
  const found = /[ \t]#|:(?=[\s,[\]{}]|$)|[,[\]{}\n]/g;
  // A bracket that is nested too deeply is a letter.
  found.lastIndex = from + 1;
  const end = found.exec(text)?.index ?? text.length;
  return from + text.slice(from, end).trimEnd().length;
}
