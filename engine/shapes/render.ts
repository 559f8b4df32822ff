import type { Video } from '../policy/policy.ts';
import {
  background,
  centerAt,
  nominalFrames,
  nominalSize,
  palette,
  squareHalfSide,
  triangleCircumradius,
} from './scene.ts';
import type { Scene } from './scene.ts';

/** Half width of the anti-aliased edge, in pixels. */
export const edgeHalfWidth = 0.75;

export const halfRoot3 = Math.sqrt(3) / 2;

/**
 * Signed distance from a point to the edge of a shape, all in pixels; negative inside. Squares and triangles measure the
 * largest distance to a side's line, which keeps their corners sharp.
 *
 * @param dx point minus centre, to the right
 * @param dy point minus centre, down
 */
export function signedDistance(shape: number, dx: number, dy: number, size: number): number {
  if (shape === 0) return Math.sqrt(dx * dx + dy * dy) - size;
  if (shape === 1) return Math.max(Math.abs(dx), Math.abs(dy)) - squareHalfSide * size;
  const inradius = (triangleCircumradius / 2) * size;
  return Math.max(dy, halfRoot3 * Math.abs(dx) - 0.5 * dy) - inradius;
}

/** Share of a pixel covered by the shape: a smooth step across the edge of a signed distance in pixels. */
export function coverage(distance: number): number {
  const t = (edgeHalfWidth - distance) / (2 * edgeHalfWidth);
  return t <= 0 ? 0 : t >= 1 ? 1 : t * t * (3 - 2 * t);
}

export interface RenderOptions {
  /** Default 8. The same motion is spread over any number of frames. */
  frames?: number;
  /** Default 32. */
  height?: number;
  /** Default 32. */
  width?: number;
  /** `[F*2]` displacement (x, y) of each frame as fractions of the frame; default none. */
  offsets?: ArrayLike<number>;
  /** 1 draws the palette's colour, 0 the background's; default 1. */
  contrast?: number;
}

/** Renders a scene with analytic anti-aliasing at any resolution; values in [0, 1]. */
export function renderScene(scene: Scene, options: RenderOptions = {}): Video {
  const { frames = nominalFrames, height = nominalSize, width = nominalSize, offsets, contrast = 1 } = options;
  const pixels = new Float32Array(frames * height * width * 3).fill(background);
  const color = palette[scene.color].map((value) => contrast * (value - background));
  const size = scene.size * Math.min(height, width);
  for (let frame = 0; frame < frames; frame++) {
    const [x, y] = centerAt(scene, frames > 1 ? (frame * (nominalFrames - 1)) / (frames - 1) : 0);
    const centerX = (x + (offsets?.[2 * frame] ?? 0)) * width - 0.5;
    const centerY = (y + (offsets?.[2 * frame + 1] ?? 0)) * height - 0.5;
    const box = boundingBox(centerX, centerY, size, height, width);
    for (let row = box.top; row <= box.bottom; row++) {
      for (let column = box.left; column <= box.right; column++) {
        const share = coverage(signedDistance(scene.shape, column - centerX, row - centerY, size));
        if (share === 0) continue;
        const at = ((frame * height + row) * width + column) * 3;
        for (let channel = 0; channel < 3; channel++) pixels[at + channel] = background + share * color[channel];
      }
    }
  }
  return { frames, height, width, pixels };
}

/** Pixels that any shape of this size and its soft edge can touch, clipped to the frame; empty when outside of it. */
export function boundingBox(
  centerX: number,
  centerY: number,
  size: number,
  height: number,
  width: number,
): { left: number; right: number; top: number; bottom: number } {
  const reach = triangleCircumradius * size + 2 * edgeHalfWidth;
  return {
    left: Math.max(0, Math.ceil(centerX - reach)),
    right: Math.min(width - 1, Math.floor(centerX + reach)),
    top: Math.max(0, Math.ceil(centerY - reach)),
    bottom: Math.min(height - 1, Math.floor(centerY + reach)),
  };
}
