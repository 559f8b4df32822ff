import { wordIndices } from './grammar.ts';
import type { Words } from './grammar.ts';
import type { Random } from './random.ts';

/**
 * One point of the manifold of real videos. Lengths are fractions of the frame, so a scene has no resolution; the nominal
 * video has 8 frames of 32×32 pixels, and 1/32 is "one pixel" everywhere in this folder.
 */
export interface Scene {
  /** Index into `colors`. */
  color: number;
  /** Index into `shapes`. */
  shape: number;
  /** Index into `directions`. */
  direction: number;
  /** Centre (circle, square) or centroid (triangle) in the first frame; x to the right, y down. */
  x: number;
  y: number;
  /** Radius of the circle; the square and the triangle are scaled from it (see `extents`). */
  size: number;
  /** Distance travelled between two of the 8 nominal frames. */
  speed: number;
}

export const shapeCount = 3;
export const nominalFrames = 8;
export const nominalSize = 32;
export const background = 0.08;

/** RGB of each colour word. The smallest angle between two of them, seen from the background, is 37 degrees. */
export const palette: readonly (readonly [number, number, number])[] = [
  [0.92, 0.14, 0.14],
  [0.14, 0.8, 0.14],
  [0.15, 0.2, 0.95],
  [0.95, 0.85, 0.12],
  [0.9, 0.2, 0.85],
  [0.12, 0.85, 0.85],
];

/** Unit vector of each direction word. */
export const directionVectors: readonly (readonly [number, number])[] = [
  [-1, 0],
  [1, 0],
  [0, -1],
  [0, 1],
];

export const sizeRange = { low: 4 / 32, high: 6.5 / 32 };
export const speedRange = { low: 0.8 / 32, high: 2 / 32 };
/** Shapes keep this distance from the border of the frame. */
export const margin = 0.5 / 32;

/** Half side of a square of size 1. */
export const squareHalfSide = 0.9;
/** Circumradius of a triangle of size 1 (equilateral, apex up). */
export const triangleCircumradius = 1.3;

/** How far each shape of size 1 reaches from its centre. */
export const extents: readonly { left: number; right: number; top: number; bottom: number }[] = [
  { left: 1, right: 1, top: 1, bottom: 1 },
  { left: squareHalfSide, right: squareHalfSide, top: squareHalfSide, bottom: squareHalfSide },
  {
    left: (triangleCircumradius * Math.sqrt(3)) / 2,
    right: (triangleCircumradius * Math.sqrt(3)) / 2,
    top: triangleCircumradius,
    bottom: triangleCircumradius / 2,
  },
];

/** The start positions for which a shape stays inside the frame for the whole video. */
export function startRange(
  shape: number,
  direction: number,
  size: number,
  speed: number,
): { left: number; right: number; top: number; bottom: number } {
  const reach = extents[shape];
  const travel = speed * (nominalFrames - 1);
  const [dx, dy] = directionVectors[direction];
  return {
    left: margin + reach.left * size + Math.max(0, -dx) * travel,
    right: 1 - margin - reach.right * size - Math.max(0, dx) * travel,
    top: margin + reach.top * size + Math.max(0, -dy) * travel,
    bottom: 1 - margin - reach.bottom * size - Math.max(0, dy) * travel,
  };
}

/** Draws the nuisance parameters (start, size, speed) uniformly over their ranges. */
export function randomScene(words: Words, random: Random): Scene {
  const [color, shape, direction] = wordIndices(words);
  const size = random.between(sizeRange.low, sizeRange.high);
  const speed = random.between(speedRange.low, speedRange.high);
  const range = startRange(shape, direction, size, speed);
  const x = random.between(range.left, range.right);
  const y = random.between(range.top, range.bottom);
  return { color, shape, direction, x, y, size, speed };
}

/** Centre of the shape at a nominal frame time (0 … 7; need not be an integer). */
export function centerAt(scene: Scene, time: number): [number, number] {
  const [dx, dy] = directionVectors[scene.direction];
  return [scene.x + dx * scene.speed * time, scene.y + dy * scene.speed * time];
}
