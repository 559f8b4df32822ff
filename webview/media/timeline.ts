/** When the frames of a video are shown: read from the index of its MP4 file, so that a step lands on the right one. */

/** Start of each frame in seconds, ascending, and the end of the last. */
export interface Timeline {
  starts: number[];
  duration: number;
}

/** As many frames of equal length as fit into a video of which no more is known. */
export function evenTimeline(frames: number, duration: number): Timeline {
  const count = Math.max(1, Math.round(frames));
  return { starts: Array.from({ length: count }, (_, frame) => (frame * duration) / count), duration };
}

/** The frame that is on screen at `time` (seconds). */
export function frameAt(timeline: Timeline, time: number): number {
  const { starts, duration } = timeline;
  // Players round times to microseconds; a frame has begun a little before its time.
  const early = Math.min(1e-4, duration / starts.length / 4);
  let [low, high] = [0, starts.length - 1];
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (starts[middle] <= time + early) low = middle;
    else high = middle - 1;
  }
  return low;
}

/** The middle of a frame: where to seek to see it, whatever way a player rounds. */
export function timeOfFrame(timeline: Timeline, frame: number): number {
  const { starts, duration } = timeline;
  const at = Math.min(Math.max(0, Math.round(frame)), starts.length - 1);
  return (starts[at] + (starts[at + 1] ?? duration)) / 2;
}

/** Seconds of the shortest frame. */
export function shortestFrame(timeline: Timeline): number {
  const { starts, duration } = timeline;
  return starts.reduce((least, start, i) => Math.min(least, (starts[i + 1] ?? duration) - start), duration);
}

/** Frames a second, on average. */
export function frameRate(timeline: Timeline): number {
  return timeline.duration > 0 ? timeline.starts.length / timeline.duration : 0;
}

/** A box of the file: where its content begins and ends. */
interface Box {
  type: string;
  start: number;
  end: number;
}

const mostFrames = 1_000_000;

/**
 * Reads the timeline of the first video track of an MP4 file (ISO/IEC 14496-12) of which `bytes` is the beginning.
 * @returns null when the index is not in there or is not one this understands
 */
export function timelineOf(bytes: Uint8Array): Timeline | null {
  try {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const moov = boxes(view, 0, view.byteLength).find(({ type }) => type === 'moov');
    if (!moov) return null;
    for (const track of boxes(view, moov.start, moov.end).filter(({ type }) => type === 'trak')) {
      const timeline = trackTimeline(view, track);
      if (timeline) return timeline;
    }
    return null;
  } catch (error) {
    if (error instanceof RangeError) return null;
    throw error;
  }
}

function trackTimeline(view: DataView, track: Box): Timeline | null {
  const inside = (box: Box | undefined, type: string) =>
    box && boxes(view, box.start, box.end).find((child) => child.type === type);
  const media = inside(track, 'mdia');
  const handler = inside(media, 'hdlr');
  if (!handler || text(view, handler.start + 8) !== 'vide') return null;
  const header = inside(media, 'mdhd');
  const table = inside(inside(media, 'minf'), 'stbl');
  const durations = inside(table, 'stts');
  if (!header || !table || !durations) return null;
  const timescale = view.getUint32(header.start + (view.getUint8(header.start) === 1 ? 20 : 12));
  const deltas = runLengths(view, durations);
  if (timescale === 0 || deltas.length === 0) return null;
  const offsets = inside(table, 'ctts');
  const shifts = offsets ? runLengths(view, offsets) : [];
  const begins = editStart(view, inside(inside(track, 'edts'), 'elst'));
  let decoded = 0;
  const shown = deltas.map((delta, i) => {
    const start = decoded + ((shifts[i] ?? 0) | 0) - begins;
    decoded += delta;
    return start;
  });
  shown.sort((a, b) => a - b);
  const last = shown[shown.length - 1] + deltas[deltas.length - 1];
  const starts = shown.map((start) => Math.max(0, start - Math.max(0, shown[0])) / timescale);
  return { starts, duration: (last - Math.max(0, shown[0])) / timescale };
}

/** Where in the media the presentation begins: the first edit that is not empty. */
function editStart(view: DataView, list: Box | undefined): number {
  if (!list) return 0;
  const wide = view.getUint8(list.start) === 1;
  const size = wide ? 20 : 12;
  for (let i = 0, at = list.start + 8; i < view.getUint32(list.start + 4); i++, at += size) {
    const time = wide ? Number(view.getBigInt64(at + 8)) : view.getInt32(at + 4);
    if (time >= 0) return time;
  }
  return 0;
}

/** A table of `count, value` pairs, one number a sample. */
function runLengths(view: DataView, box: Box): number[] {
  const values: number[] = [];
  const entries = view.getUint32(box.start + 4);
  for (let i = 0, at = box.start + 8; i < entries && at + 8 <= box.end; i++, at += 8) {
    const [count, value] = [view.getUint32(at), view.getUint32(at + 4)];
    if (values.length + count > mostFrames) throw new RangeError('too many frames');
    for (let j = 0; j < count; j++) values.push(value);
  }
  return values;
}

/** The boxes from `start` to `end`; a box that goes on beyond what is here ends the list. */
function boxes(view: DataView, start: number, end: number): Box[] {
  const found: Box[] = [];
  for (let at = start; at + 8 <= end;) {
    const short = view.getUint32(at);
    const header = short === 1 ? 16 : 8;
    const size = short === 1 ? Number(view.getBigUint64(at + 8)) : short === 0 ? end - at : short;
    if (size < header || at + size > end) break;
    found.push({ type: text(view, at + 4), start: at + header, end: at + size });
    at += size;
  }
  return found;
}

function text(view: DataView, at: number): string {
  return String.fromCharCode(...[0, 1, 2, 3].map((i) => view.getUint8(at + i)));
}

/** Our files begin with their index; what is larger than this has it elsewhere. */
const headBytes = 256 * 1024;

/**
 * Reads the timeline of a video from its address.
 * @returns null when it cannot be read or is not understood: the caller then goes by what else is known of it
 */
export async function readTimeline(address: string, signal?: AbortSignal): Promise<Timeline | null> {
  try {
    const response = await fetch(address, { headers: { range: `bytes=0-${headBytes - 1}` }, signal });
    if (!response.ok || !response.body) return null;
    const head: Uint8Array[] = [];
    let size = 0;
    const reader = response.body.getReader();
    while (size < headBytes) {
      const { done, value } = await reader.read();
      if (done) break;
      head.push(value);
      size += value.length;
    }
    await reader.cancel();
    const bytes = new Uint8Array(size);
    head.reduce((at, part) => (bytes.set(part, at), at + part.length), 0);
    return timelineOf(bytes);
  } catch {
    return null;
  }
}
