import type { Evidence } from './evidence.ts';
import { momentCount } from './moments.ts';
import type { Track } from './track.ts';

/** The straight line through a track: position in the middle of the video (pixels) and velocity (pixels per nominal frame). */
export interface Line {
  middleX: number;
  middleY: number;
  velocityX: number;
  velocityY: number;
  /** Weighted RMS distance per axis between the track and the line, in pixels. */
  deviation: number;
}

/** `[F]` how much of each frame's energy the track explains, in [0, 1]; the weight of that frame's position. */
export function frameTrust(evidence: Evidence, track: Track): Float64Array {
  const { color, moments } = track;
  const energy = color[0] ** 2 + color[1] ** 2 + color[2] ** 2;
  return evidence.energy_F.map((total, frame) => {
    const at = frame * momentCount;
    const match = color[0] * moments[at + 1] + color[1] * moments[at + 2] + color[2] * moments[at + 3];
    return Math.max(0, 2 * match - energy * moments[at]) / (total + 1e-9);
  });
}

/** Weighted least-squares line through the centres of a track. */
export function lineThrough(evidence: Evidence, centers: Float64Array, weight_F: ArrayLike<number>): Line {
  const { frames, time_F } = evidence;
  const middle = time_F[frames - 1] / 2;
  // The small constant keeps a video in which nothing was found from dividing by zero.
  const w = Float64Array.from(weight_F, (value) => value + 1e-4);
  let s = 0;
  let st = 0;
  let stt = 0;
  let sx = 0;
  let sy = 0;
  let stx = 0;
  let sty = 0;
  for (let f = 0; f < frames; f++) {
    const t = time_F[f] - middle;
    s += w[f];
    st += w[f] * t;
    stt += w[f] * t * t;
    sx += w[f] * centers[2 * f];
    sy += w[f] * centers[2 * f + 1];
    stx += w[f] * t * centers[2 * f];
    sty += w[f] * t * centers[2 * f + 1];
  }
  const determinant = s * stt - st * st;
  const velocityX = (s * stx - st * sx) / determinant;
  const velocityY = (s * sty - st * sy) / determinant;
  const middleX = (sx - velocityX * st) / s;
  const middleY = (sy - velocityY * st) / s;
  let squares = 0;
  for (let f = 0; f < frames; f++) {
    const t = time_F[f] - middle;
    const dx = centers[2 * f] - middleX - velocityX * t;
    const dy = centers[2 * f + 1] - middleY - velocityY * t;
    squares += w[f] * (dx * dx + dy * dy);
  }
  return { middleX, middleY, velocityX, velocityY, deviation: Math.sqrt(squares / (2 * s)) };
}
