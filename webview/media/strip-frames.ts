/** The frames that a strip of at most `most` pictures shows: evenly spaced, first and last among them. */
export function framesOfStrip(frames: number, most: number): number[] {
  if (frames <= most) return Array.from({ length: frames }, (_, frame) => frame);
  return Array.from({ length: most }, (_, i) => Math.round((i * (frames - 1)) / (most - 1)));
}
