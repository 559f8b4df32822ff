import { paletteContrast, paletteEnergy } from './evidence.ts';
import type { Evidence } from './evidence.ts';
import { sizeRange } from './scene.ts';

/**
 * First guess of where the shape is in every frame: the box that holds most of one palette colour (the same in all frames),
 * then the centroid of that colour around it.
 *
 * @returns `[F*2]` centres (x, y) in pixels, pixel centres being integers
 */
export function locate(evidence: Evidence): Float64Array {
  const { frames, height, width, scale } = evidence;
  const radius = Math.max(1, Math.round(sizeRange.low * scale));
  const sums = new Float64Array((height + 1) * (width + 1) * 3);
  const colors = paletteContrast;
  const best = colors.map(() => new Float64Array(frames).fill(-Infinity));
  const places = colors.map(() => new Int32Array(frames));
  for (let frame = 0; frame < frames; frame++) {
    integrate(evidence, frame, sums);
    for (let y = radius; y < height - radius; y++) {
      for (let x = radius; x < width - radius; x++) {
        const a = ((y - radius) * (width + 1) + x - radius) * 3;
        const b = a + (2 * radius + 1) * 3;
        const c = a + (2 * radius + 1) * (width + 1) * 3;
        const d = c + (b - a);
        const red = sums[d] - sums[c] - sums[b] + sums[a];
        const green = sums[d + 1] - sums[c + 1] - sums[b + 1] + sums[a + 1];
        const blue = sums[d + 2] - sums[c + 2] - sums[b + 2] + sums[a + 2];
        for (let color = 0; color < best.length; color++) {
          const direction = colors[color];
          const match = direction[0] * red + direction[1] * green + direction[2] * blue;
          if (match <= best[color][frame]) continue;
          best[color][frame] = match;
          places[color][frame] = y * width + x;
        }
      }
    }
  }
  const totals = best.map((match_F, color) => match_F.reduce((a, b) => a + b, 0) / Math.sqrt(paletteEnergy[color]));
  const color = totals.indexOf(Math.max(...totals));
  const centers = new Float64Array(2 * frames);
  for (let frame = 0; frame < frames; frame++) {
    const mean = best[color][frame] / (2 * radius + 1) ** 2;
    const place = places[color][frame];
    centroid(evidence, frame, place % width, Math.floor(place / width), color, mean / 2, centers);
  }
  return centers;
}

/** Summed-area table of one frame, `[(H+1)*(W+1)*3]`. */
function integrate({ height, width, values }: Evidence, frame: number, sums: Float64Array): void {
  const stride = (width + 1) * 3;
  let i = frame * height * width * 3;
  for (let y = 0; y < height; y++) {
    let r = 0;
    let g = 0;
    let b = 0;
    let at = (y + 1) * stride + 3;
    for (let x = 0; x < width; x++, i += 3, at += 3) {
      sums[at] = sums[at - stride] + (r += values[i]);
      sums[at + 1] = sums[at + 1 - stride] + (g += values[i + 1]);
      sums[at + 2] = sums[at + 2 - stride] + (b += values[i + 2]);
    }
  }
}

/** Centroid of what a window shows of a colour beyond a threshold, which keeps faint noise out of it. */
function centroid(
  { height, width, scale, values }: Evidence,
  frame: number,
  x: number,
  y: number,
  color: number,
  threshold: number,
  centers: Float64Array,
): void {
  const reach = Math.round(sizeRange.high * 1.2 * scale);
  const [red, green, blue] = paletteContrast[color];
  let sum = 0;
  let sumX = 0;
  let sumY = 0;
  for (let row = Math.max(0, y - reach); row <= Math.min(height - 1, y + reach); row++) {
    for (let column = Math.max(0, x - reach); column <= Math.min(width - 1, x + reach); column++) {
      const i = ((frame * height + row) * width + column) * 3;
      const weight = red * values[i] + green * values[i + 1] + blue * values[i + 2] - threshold;
      if (weight <= 0) continue;
      sum += weight;
      sumX += weight * column;
      sumY += weight * row;
    }
  }
  centers[2 * frame] = sum > 0 ? sumX / sum : x;
  centers[2 * frame + 1] = sum > 0 ? sumY / sum : y;
}
