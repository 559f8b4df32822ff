/**
 * MP4 boxes (ISO/IEC 14496-12), as much as it takes to turn what the encoder writes into a file that starts to play at
 * once, seeks to any frame, has the right colours and is the same bytes for the same frames.
 */

/** A box of a file: `start` of its header, `payload` where its content begins, `end` after its last byte. */
export interface Mp4Box {
  type: string;
  start: number;
  payload: number;
  end: number;
}

/** Boxes that hold boxes, with the number of bytes that come before the first child. */
const containers: Record<string, number> = { moov: 0, trak: 0, mdia: 0, minf: 0, stbl: 0, stsd: 8, avc1: 78 };

/**
 * The boxes between two offsets of a file, in order.
 * @throws RangeError when a box is longer than what holds it
 */
export function readBoxes(bytes: Uint8Array, start = 0, end = bytes.length): Mp4Box[] {
  const view = viewOf(bytes);
  const boxes: Mp4Box[] = [];
  for (let offset = start; offset + 8 <= end;) {
    let size = view.getUint32(offset);
    let header = 8;
    if (size === 1 && offset + 16 <= end) {
      size = Number(view.getBigUint64(offset + 8));
      header = 16;
    } else if (size === 0) {
      size = end - offset;
    }
    const type = String.fromCharCode(...bytes.subarray(offset + 4, offset + 8));
    if (size < header || offset + size > end) throw new RangeError(`MP4 box "${type}" at byte ${offset} is cut off`);
    boxes.push({ type, start: offset, payload: offset + header, end: offset + size });
    offset += size;
  }
  return boxes;
}

/** The box at a path such as `['moov', 'trak']`, or null. */
export function findBox(bytes: Uint8Array, path: string[]): Mp4Box | null {
  let boxes = readBoxes(bytes);
  let found: Mp4Box | null = null;
  for (const type of path) {
    found = boxes.find((box) => box.type === type) ?? null;
    if (!found) return null;
    boxes = type in containers ? readBoxes(bytes, found.payload + containers[type], found.end) : [];
  }
  return found;
}

const sampleTable = ['moov', 'trak', 'mdia', 'minf', 'stbl'];

/**
 * Rewrites a one-track H.264 file as `ftyp, moov, mdat` (faststart) and completes what the encoder leaves out:
 * chunk offsets follow the move; `stss` names the frames that are key frames (without it a player takes every frame for
 * one, and seeking shows garbage); `colr` says how the colours are coded; creation times are zero.
 * @throws RangeError when the file has not exactly one `ftyp`, `moov` and `mdat`
 */
export function toFastStart(bytes: Uint8Array): Uint8Array {
  const top = readBoxes(bytes);
  const [ftyp, moov, mdat] = ['ftyp', 'moov', 'mdat'].map((type) => {
    const found = top.filter((box) => box.type === type);
    if (found.length !== 1) throw new RangeError(`an MP4 file has one "${type}" box, this one has ${found.length}`);
    return found[0];
  });
  const keyFrames = findKeyFrames(bytes);
  const build = (shift: number) => rebuild(bytes, moov, (type, content) => edit(type, content, { shift, keyFrames }));
  // Offsets have a fixed width, so the size of the new moov does not depend on them.
  const mdatStart = ftyp.end - ftyp.start + build(0).length;
  const shift = mdatStart + (mdat.payload - mdat.start) - mdat.payload;
  return join([bytes.subarray(ftyp.start, ftyp.end), build(shift), bytes.subarray(mdat.start, mdat.end)]);
}

/** Byte ranges `[offset, size]` of the samples (frames) of the first track, from `stsz`, `stsc` and `stco`/`co64`. */
export function sampleRanges(bytes: Uint8Array): [offset: number, size: number][] {
  const view = viewOf(bytes);
  const table = (type: string) => findBox(bytes, [...sampleTable, type]);
  const sizes = table('stsz');
  const chunkMap = table('stsc');
  const offsets = table('stco') ?? table('co64');
  if (!sizes || !chunkMap || !offsets) throw new RangeError('the MP4 file has no sample table');

  const fixedSize = view.getUint32(sizes.payload + 4);
  const count = view.getUint32(sizes.payload + 8);
  const sizeOf = (i: number) => fixedSize || view.getUint32(sizes.payload + 12 + 4 * i);
  const chunks = view.getUint32(offsets.payload + 4);
  const runs = view.getUint32(chunkMap.payload + 4);
  const runAt = (i: number) => chunkMap.payload + 8 + 12 * i;

  const ranges: [number, number][] = [];
  for (let chunk = 0, run = 0; chunk < chunks; chunk++) {
    while (run + 1 < runs && view.getUint32(runAt(run + 1)) <= chunk + 1) run++;
    const entry = offsets.payload + 8;
    let offset =
      offsets.type === 'stco' ? view.getUint32(entry + 4 * chunk) : Number(view.getBigUint64(entry + 8 * chunk));
    for (let i = 0; i < view.getUint32(runAt(run) + 4) && ranges.length < count; i++) {
      const size = sizeOf(ranges.length);
      ranges.push([offset, size]);
      offset += size;
    }
  }
  return ranges;
}

/** 1-based numbers of the samples that hold an IDR slice (NAL type 5), which is what makes a key frame. */
function findKeyFrames(bytes: Uint8Array): number[] {
  const view = viewOf(bytes);
  return sampleRanges(bytes).flatMap(([offset, size], i) => {
    for (let at = offset; at + 5 <= offset + size; at += 4 + view.getUint32(at)) {
      if ((bytes[at + 4] & 31) === 5) return [i + 1];
    }
    return [];
  });
}

/** Copies a box and, in containers, its children; `edit` sees the content of each before it is sealed. */
function rebuild(bytes: Uint8Array, box: Mp4Box, edit: (type: string, content: Uint8Array) => Uint8Array): Uint8Array {
  const before = containers[box.type];
  if (before === undefined) return seal(box.type, edit(box.type, bytes.slice(box.payload, box.end)));
  const children = readBoxes(bytes, box.payload + before, box.end).filter((child) => child.type !== 'free');
  const content = [bytes.slice(box.payload, box.payload + before), ...children.map((c) => rebuild(bytes, c, edit))];
  return seal(box.type, edit(box.type, join(content)));
}

function edit(type: string, content: Uint8Array, change: { shift: number; keyFrames: number[] }): Uint8Array {
  const view = viewOf(content);
  switch (type) {
    case 'mvhd':
    case 'tkhd':
    case 'mdhd':
      return content.fill(0, 4, content[0] === 1 ? 20 : 12);
    case 'stco':
      for (let i = 8; i < content.length; i += 4) view.setUint32(i, view.getUint32(i) + change.shift);
      return content;
    case 'co64':
      for (let i = 8; i < content.length; i += 8) view.setBigUint64(i, view.getBigUint64(i) + BigInt(change.shift));
      return content;
    case 'stbl':
      return hasChild(content, 0, 'stss') ? content : join([content, seal('stss', keyFrameTable(change.keyFrames))]);
    case 'avc1':
      return hasChild(content, containers.avc1, 'colr') ? content : join([content, seal('colr', colours)]);
    default:
      return content;
  }
}

/** `nclx`: BT.709 primaries (1) and sRGB transfer (13), as the pixels have; BT.601 matrix (6), limited range (0). */
const colours = new Uint8Array([...new TextEncoder().encode('nclx'), 0, 1, 0, 13, 0, 6, 0]);

function keyFrameTable(keyFrames: number[]): Uint8Array {
  const content = new Uint8Array(8 + 4 * keyFrames.length);
  [0, keyFrames.length, ...keyFrames].forEach((value, i) => viewOf(content).setUint32(4 * i, value));
  return content;
}

function hasChild(content: Uint8Array, before: number, type: string): boolean {
  return readBoxes(content, before).some((box) => box.type === type);
}

function seal(type: string, content: Uint8Array): Uint8Array {
  const header = new Uint8Array(8);
  viewOf(header).setUint32(0, content.length + 8);
  header.set(new TextEncoder().encode(type), 4);
  return join([header, content]);
}

function join(parts: Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    whole.set(part, offset);
    offset += part.length;
  }
  return whole;
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
