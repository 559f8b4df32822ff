import type { Video } from '../../../engine/policy/policy.ts';

/** A video of one flat colour a frame (RGB in [0, 1]) with a white top left quarter. */
export function flatVideo(colours: number[][], height = 32, width = 32): Video {
  const pixels = new Float32Array(colours.length * height * width * 3);
  let o = 0;
  for (const colour of colours) {
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++, o += 3) pixels.set(y < height / 2 && x < width / 2 ? [1, 1, 1] : colour, o);
    }
  }
  return { frames: colours.length, height, width, pixels };
}

/** Eight frames that differ strongly. */
export const eightColours = [
  [1, 0, 0],
  [0, 1, 0],
  [0, 0, 1],
  [1, 1, 0],
  [0, 1, 1],
  [1, 0, 1],
  [0.5, 0.5, 0.5],
  [0, 0, 0],
];
