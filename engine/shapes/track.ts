import type { Evidence } from './evidence.ts';
import { descent, frameMoments, momentCount } from './moments.ts';
import { sizeRange } from './scene.ts';

/** The best fit of one shape with a position of its own in every frame, one size and one free colour. Lengths are pixels. */
export interface Track {
  shape: number;
  /** `[F*2]` centre of each frame. */
  centers: Float64Array;
  size: number;
  /** RGB minus background that fits best; need not be a palette colour. */
  color: [number, number, number];
  /** Squared error over the whole video. */
  error: number;
  /** `[F*momentCount]` moments at the solution. */
  moments: Float64Array;
}

const maxIterations = 10;
/** No single step moves a centre further than this, in nominal pixels. */
const maxStep = 2 / 32;

/**
 * Fits a track by Levenberg–Marquardt. The colour is eliminated (variable projection); the positions of different frames
 * meet only in the common size, so the normal equations are solved by a Schur complement in O(F).
 */
export function fitTrack(evidence: Evidence, shape: number, start: Float64Array): Track {
  const middle = ((sizeRange.low + sizeRange.high) / 2) * evidence.scale;
  let best = measure(evidence, shape, start, middle);
  let damping = 1e-2;
  for (let iteration = 0; iteration < maxIterations; iteration++) {
    const step = newtonStep(evidence, best, damping);
    if (step === null) break;
    const next = measure(evidence, shape, step.centers, step.size);
    if (next.error < best.error) {
      const gain = best.error - next.error;
      const energy = best.energy;
      best = next;
      damping = Math.max(damping / 10, 1e-4);
      if (gain < 1e-5 * energy && step.moved < 0.02) break;
    } else {
      damping *= 10;
      if (damping > 100 || step.moved < 0.002) break;
    }
  }
  const { centers, size, color, error, moments } = best;
  return { shape, centers, size, color, error, moments };
}

interface Measured extends Track {
  /** Energy of the best rendering. */
  energy: number;
}

function measure(evidence: Evidence, shape: number, centers: Float64Array, size: number): Measured {
  const { frames, energy_F } = evidence;
  const moments = new Float64Array(frames * momentCount);
  let total = 0;
  let mm = 1e-12;
  const color: [number, number, number] = [0, 0, 0];
  for (let frame = 0; frame < frames; frame++) {
    const at = frame * momentCount;
    frameMoments(evidence, frame, shape, centers[2 * frame], centers[2 * frame + 1], size, moments, at);
    total += energy_F[frame];
    mm += moments[at];
    for (let channel = 0; channel < 3; channel++) color[channel] += moments[at + 1 + channel];
  }
  for (let channel = 0; channel < 3; channel++) color[channel] /= mm;
  const energy = (color[0] ** 2 + color[1] ** 2 + color[2] ** 2) * mm;
  return { shape, centers, size, color, error: total - energy, moments, energy };
}

/** One damped Gauss–Newton step; null where there is nothing to see. */
function newtonStep(
  evidence: Evidence,
  { centers, size, color, moments }: Measured,
  damping: number,
): { centers: Float64Array; size: number; moved: number } | null {
  const { frames, height, width, scale } = evidence;
  const energy = color[0] ** 2 + color[1] ** 2 + color[2] ** 2;
  if (energy < 1e-8) return null;
  let pivot = 1e-9;
  let right = 0;
  const solved = new Float64Array(4 * frames);
  for (let frame = 0; frame < frames; frame++) {
    const at = frame * momentCount;
    // The floor keeps a frame whose shape left the picture from being singular.
    const xx = moments[at + 16] * (1 + damping) + 0.1;
    const yy = moments[at + 17] * (1 + damping) + 0.1;
    const xy = moments[at + 19];
    const xs = moments[at + 20];
    const ys = moments[at + 21];
    const gx = descent(moments, at, 0, color, energy) / energy;
    const gy = descent(moments, at, 1, color, energy) / energy;
    const determinant = xx * yy - xy * xy;
    const ax = (yy * gx - xy * gy) / determinant;
    const ay = (xx * gy - xy * gx) / determinant;
    const bx = (yy * xs - xy * ys) / determinant;
    const by = (xx * ys - xy * xs) / determinant;
    pivot += moments[at + 18] * (1 + damping) - xs * bx - ys * by;
    right += descent(moments, at, 2, color, energy) / energy - xs * ax - ys * ay;
    solved.set([ax, ay, bx, by], 4 * frame);
  }
  const limit = maxStep * scale;
  const low = sizeRange.low * scale;
  const high = sizeRange.high * scale;
  const nextSize = Math.min(high, Math.max(low, size + clamp(right / pivot, limit)));
  const growth = nextSize - size;
  const next = new Float64Array(2 * frames);
  let moved = Math.abs(growth);
  for (let frame = 0; frame < frames; frame++) {
    const stepX = clamp(solved[4 * frame] - growth * solved[4 * frame + 2], limit);
    const stepY = clamp(solved[4 * frame + 1] - growth * solved[4 * frame + 3], limit);
    next[2 * frame] = Math.min(width - 1, Math.max(0, centers[2 * frame] + stepX));
    next[2 * frame + 1] = Math.min(height - 1, Math.max(0, centers[2 * frame + 1] + stepY));
    moved = Math.max(moved, Math.abs(stepX), Math.abs(stepY));
  }
  return { centers: next, size: nextSize, moved: (moved * 32) / scale };
}

function clamp(value: number, limit: number): number {
  return value > limit ? limit : value < -limit ? -limit : value;
}
