import type { Evidence } from './evidence.ts';
import { edgeHalfWidth, halfRoot3 } from './render.ts';
import { extents, squareHalfSide, triangleCircumradius } from './scene.ts';

/**
 * Everything a least-squares fit of one frame needs, from one pass over the shape's bounding box. With m the coverage, d the
 * pixel minus background, and p one of (x, y, size) in pixels, the slots are
 * 0: Σm² · 1–3: Σm·d · 4–6, 7–9, 10–12: Σ∂ₚm·d for x, y, size · 13–15: Σ∂ₚm·m ·
 * 16–21: Σ∂ₚm·∂ᵩm for xx, yy, ss, xy, xs, ys.
 * The squared error of a rendering in colour c (minus background) is then energy − 2c·Σm·d + |c|²Σm².
 */
export const momentCount = 22;

/** Fills `out[at … at+21]` with the moments of a shape against a frame. Lengths are pixels; pixel centres are integers. */
export function frameMoments(
  evidence: Evidence,
  frame: number,
  shape: number,
  centerX: number,
  centerY: number,
  size: number,
  out: Float64Array,
  at: number,
): void {
  const { height, width, values } = evidence;
  // Local copies: bundlers and test runners may turn an imported constant into a property look-up per pixel.
  const edge = edgeHalfWidth;
  const slant = halfRoot3;
  const reach = extents[shape];
  const left = Math.max(0, Math.ceil(centerX - reach.left * size - edge));
  const right = Math.min(width - 1, Math.floor(centerX + reach.right * size + edge));
  const top = Math.max(0, Math.ceil(centerY - reach.top * size - edge));
  const bottom = Math.min(height - 1, Math.floor(centerY + reach.bottom * size + edge));
  const half = squareHalfSide * size;
  const inradius = (triangleCircumradius / 2) * size;
  const sizeSlope = shape === 0 ? -1 : shape === 1 ? -squareHalfSide : -triangleCircumradius / 2;
  let mm = 0;
  let md0 = 0;
  let md1 = 0;
  let md2 = 0;
  let xd0 = 0;
  let xd1 = 0;
  let xd2 = 0;
  let yd0 = 0;
  let yd1 = 0;
  let yd2 = 0;
  let sd0 = 0;
  let sd1 = 0;
  let sd2 = 0;
  let xm = 0;
  let ym = 0;
  let sm = 0;
  let xx = 0;
  let yy = 0;
  let ss = 0;
  let xy = 0;
  let xs = 0;
  let ys = 0;
  for (let row = top; row <= bottom; row++) {
    const dy = row - centerY;
    let i = ((frame * height + row) * width + left) * 3;
    for (let column = left; column <= right; column++, i += 3) {
      const dx = column - centerX;
      let distance: number;
      let slopeX = 0;
      let slopeY = 0;
      if (shape === 0) {
        const radius = Math.sqrt(dx * dx + dy * dy);
        distance = radius - size;
        const inverse = -1 / (radius + 1e-9);
        slopeX = dx * inverse;
        slopeY = dy * inverse;
      } else if (shape === 1) {
        const ax = dx < 0 ? -dx : dx;
        const ay = dy < 0 ? -dy : dy;
        if (ax >= ay) {
          distance = ax - half;
          slopeX = dx < 0 ? 1 : -1;
        } else {
          distance = ay - half;
          slopeY = dy < 0 ? 1 : -1;
        }
      } else {
        const side = slant * (dx < 0 ? -dx : dx) - 0.5 * dy;
        if (dy >= side) {
          distance = dy - inradius;
          slopeY = -1;
        } else {
          distance = side - inradius;
          slopeX = dx < 0 ? slant : -slant;
          slopeY = 0.5;
        }
      }
      if (distance >= edge) continue;
      const d0 = values[i];
      const d1 = values[i + 1];
      const d2 = values[i + 2];
      if (distance <= -edge) {
        mm += 1;
        md0 += d0;
        md1 += d1;
        md2 += d2;
        continue;
      }
      const t = (edge - distance) / (2 * edge);
      const m = t * t * (3 - 2 * t);
      const slope = (-6 * t * (1 - t)) / (2 * edge);
      const mx = slope * slopeX;
      const my = slope * slopeY;
      const ms = slope * sizeSlope;
      mm += m * m;
      md0 += m * d0;
      md1 += m * d1;
      md2 += m * d2;
      xd0 += mx * d0;
      xd1 += mx * d1;
      xd2 += mx * d2;
      yd0 += my * d0;
      yd1 += my * d1;
      yd2 += my * d2;
      sd0 += ms * d0;
      sd1 += ms * d1;
      sd2 += ms * d2;
      xm += mx * m;
      ym += my * m;
      sm += ms * m;
      xx += mx * mx;
      yy += my * my;
      ss += ms * ms;
      xy += mx * my;
      xs += mx * ms;
      ys += my * ms;
    }
  }
  out[at] = mm;
  out[at + 1] = md0;
  out[at + 2] = md1;
  out[at + 3] = md2;
  out[at + 4] = xd0;
  out[at + 5] = xd1;
  out[at + 6] = xd2;
  out[at + 7] = yd0;
  out[at + 8] = yd1;
  out[at + 9] = yd2;
  out[at + 10] = sd0;
  out[at + 11] = sd1;
  out[at + 12] = sd2;
  out[at + 13] = xm;
  out[at + 14] = ym;
  out[at + 15] = sm;
  out[at + 16] = xx;
  out[at + 17] = yy;
  out[at + 18] = ss;
  out[at + 19] = xy;
  out[at + 20] = xs;
  out[at + 21] = ys;
}

/** −½ of the gradient of a frame's squared error with respect to x (0), y (1) or size (2), for colour c. */
export function descent(
  moments: Float64Array,
  at: number,
  p: number,
  color: ArrayLike<number>,
  energy: number,
): number {
  const g = at + 4 + 3 * p;
  return color[0] * moments[g] + color[1] * moments[g + 1] + color[2] * moments[g + 2] - energy * moments[at + 13 + p];
}
