import { paletteEnergy } from './evidence.ts';
import type { Evidence } from './evidence.ts';
import { momentCount } from './moments.ts';
import { coverage, signedDistance } from './render.ts';
import type { Track } from './track.ts';

/** Frames are compared as grids of this many blocks a side, in which pixel noise averages out. */
const grid = 8;
/** Ratio of explained to unexplained energy at which presence is one half. */
const halfRatio = 0.8;
/** A shape of this share of the palette's energy (contrast 0.07) has a ratio of one even on a perfect background. */
const faintEnergy = 0.005;

/**
 * `[F]` how surely a frame shows the track's shape and nothing else of its size, in [0, 1): q³ / (q³ + 0.8³), q the ratio of
 * the block-averaged energy which the shape explains to that which it leaves. Low contrast and pixel noise hardly matter,
 * an empty or cluttered frame gives about 0.
 */
export function presence(evidence: Evidence, track: Track): Float64Array {
  const { frames, height, width, values } = evidence;
  const { centers, size, shape, color } = track;
  const before = new Float64Array(grid * grid * 3);
  const shown = new Float64Array(grid * grid * 3);
  const blockPixels = (height * width) / (grid * grid);
  let mmMax = 0;
  for (let frame = 0; frame < frames; frame++) mmMax = Math.max(mmMax, track.moments[frame * momentCount]);
  const floor = faintEnergy * Math.min(...paletteEnergy) * mmMax + 1e-9;
  const result = new Float64Array(frames);
  for (let frame = 0; frame < frames; frame++) {
    before.fill(0);
    shown.fill(0);
    let i = frame * height * width * 3;
    for (let row = 0; row < height; row++) {
      const blockRow = Math.floor((row * grid) / height) * grid;
      const dy = row - centers[2 * frame + 1];
      for (let column = 0; column < width; column++, i += 3) {
        const block = (blockRow + Math.floor((column * grid) / width)) * 3;
        const dx = column - centers[2 * frame];
        const near = Math.abs(dx) < 1.4 * size + 1 && Math.abs(dy) < 1.4 * size + 1;
        before[block] += values[i];
        before[block + 1] += values[i + 1];
        before[block + 2] += values[i + 2];
        if (!near) continue;
        const m = coverage(signedDistance(shape, dx, dy, size));
        shown[block] += m * color[0];
        shown[block + 1] += m * color[1];
        shown[block + 2] += m * color[2];
      }
    }
    let total = 0;
    let left = 0;
    for (let block = 0; block < before.length; block++) {
      total += before[block] ** 2 / blockPixels;
      left += (before[block] - shown[block]) ** 2 / blockPixels;
    }
    const ratio = Math.max(0, total - left) / (left + floor);
    result[frame] = ratio ** 3 / (ratio ** 3 + halfRatio ** 3);
  }
  return result;
}
