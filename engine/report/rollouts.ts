import { readFile, realpath } from 'node:fs/promises';
import { join, sep } from 'node:path';
import { sampleRanges } from '../media/mp4.ts';
import type { EventOf, VideoEntry } from '../run/events.ts';

type EvaluationVideos = EventOf<'evaluation_videos'>;

/** One side of a pair. */
export interface PairSide {
  /** `data:` address of the video; null when its file is missing. */
  src: string | null;
  /** `data:` address of its still. */
  poster: string | null;
  reward: number | null;
  components: Record<string, number> | null;
  /** Components on the model's own scale, metrics that are only watched, and what to know of the score. */
  raw?: Record<string, number>;
  heldOut?: Record<string, number>;
  notes?: string[];
  distance: number | null;
  reason: string | null;
}

/** The same prompt and noise before and after training. */
export interface Pair {
  prompt: string;
  /** What tells videos of one prompt apart. */
  seed: string;
  before: PairSide;
  after: PairSide;
}

/** First-against-last videos of a report. */
export interface Pairs {
  /** Iterations of the two evaluations. */
  first: number;
  last: number;
  /** How many pairs there are in the run; `shown` may be fewer. */
  available: number;
  /** Frames of a video. */
  frames: number;
  shown: Pair[];
}

/**
 * Pairs the videos of the first evaluation with those of the last, by prompt and noise, and reads their files. With more
 * than `most` pairs it takes evenly spaced ones, so that the choice owes nothing to how they look.
 * @returns null with fewer than two evaluations that have videos
 */
export async function readPairs(runFolder: string, events: EvaluationVideos[], most: number): Promise<Pairs | null> {
  if (events.length < 2) return null;
  const [first, last] = [events[0], events[events.length - 1]];
  const later = new Map(last.videos.map((video) => [keyOf(video), video]));
  const matched = first.videos.flatMap((before) => {
    const after = later.get(keyOf(before));
    return after ? [{ before, after }] : [];
  });
  const shown: Pair[] = [];
  for (const { before, after } of evenlySpaced(matched, most)) {
    shown.push({
      prompt: before.prompt,
      seed: `seed ${before.seedKey.seed}, video ${before.generation + 1}`,
      before: await sideOf(runFolder, first.folder, before),
      after: await sideOf(runFolder, last.folder, after),
    });
  }
  const frames = framesOf(shown.find((pair) => pair.before.src !== null)?.before.src ?? null);
  return { first: first.iteration, last: last.iteration, available: matched.length, frames, shown };
}

/** Frames of a video given by its `data:` address; 1 where that cannot be told. */
function framesOf(address: string | null): number {
  if (address === null) return 1;
  try {
    return Math.max(1, sampleRanges(Buffer.from(address.slice(address.indexOf(',') + 1), 'base64')).length);
  } catch {
    return 1;
  }
}

/** At most `most` of the items, evenly spaced, in their order. */
export function evenlySpaced<T>(items: readonly T[], most: number): T[] {
  if (items.length <= most) return [...items];
  return Array.from({ length: most }, (_, i) => items[Math.floor(((i + 0.5) * items.length) / most)]);
}

/** The noise of an evaluation does not depend on when it happens, so its iteration is no part of the key. */
function keyOf({ prompt, promptIndex, seedKey }: VideoEntry): string {
  return JSON.stringify([prompt, promptIndex, seedKey.seed, seedKey.stream, seedKey.prompt, seedKey.generation]);
}

async function sideOf(runFolder: string, folder: string, video: VideoEntry): Promise<PairSide> {
  const { reward, components, raw, heldOut, notes, distance, reason = null } = video;
  const [src, poster] = await Promise.all([
    dataAddress(runFolder, join(folder, video.file), 'video/mp4'),
    dataAddress(runFolder, join(folder, video.poster), 'image/png'),
  ]);
  return {
    ...{ src, poster, reward, components, distance, reason },
    ...(raw && { raw }),
    ...(heldOut && { heldOut }),
    ...(notes && { notes }),
  };
}

/** Reads a file of the run. A name that leads out of the run's folder, also by a link, counts as missing. */
async function dataAddress(runFolder: string, name: string, type: string): Promise<string | null> {
  try {
    const root = await realpath(runFolder);
    const file = await realpath(join(root, name));
    if (!file.startsWith(root + sep)) return null;
    return `data:${type};base64,${(await readFile(file)).toString('base64')}`;
  } catch {
    return null;
  }
}
