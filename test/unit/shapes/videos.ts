import type { Video } from '../../../engine/policy/policy.ts';
import { allWords } from '../../../engine/shapes/grammar.ts';
import type { Words } from '../../../engine/shapes/grammar.ts';
import { createRandom } from '../../../engine/shapes/random.ts';
import type { Random } from '../../../engine/shapes/random.ts';
import { background, randomScene } from '../../../engine/shapes/scene.ts';
import type { Scene } from '../../../engine/shapes/scene.ts';

/** `count` random scenes that go through all prompts in turn, each with a generator of its own. */
export function cases(count: number, seed: number): { words: Words; scene: Scene; random: Random }[] {
  const words = allWords();
  return Array.from({ length: count }, (_, i) => {
    const random = createRandom(seed, i);
    const chosen = words[i % words.length];
    return { words: chosen, scene: randomScene(chosen, random), random };
  });
}

/** A video of the nominal size whose values are given one by one. */
export function fill(value: (index: number) => number): Video {
  const pixels = new Float32Array(8 * 32 * 32 * 3);
  for (let i = 0; i < pixels.length; i++) pixels[i] = value(i);
  return { frames: 8, height: 32, width: 32, pixels };
}

export function copy(video: Video): Video {
  return { ...video, pixels: video.pixels.slice() };
}

/** Replaces frames by the background. */
export function blankFrames(video: Video, frames: number[]): Video {
  const result = copy(video);
  const length = video.height * video.width * 3;
  for (const frame of frames) result.pixels.fill(background, frame * length, (frame + 1) * length);
  return result;
}

/** Frame f of the result is frame order[f] of the video. */
export function reorder(video: Video, order: number[]): Video {
  const result = copy(video);
  const length = video.height * video.width * 3;
  order.forEach((from, f) => result.pixels.set(video.pixels.subarray(from * length, (from + 1) * length), f * length));
  return result;
}

/** Gaussian blur of every frame; sigma in pixels. */
export function blur(video: Video, sigma: number): Video {
  const { frames, height, width } = video;
  const reach = Math.ceil(3 * sigma);
  const kernel = Array.from({ length: 2 * reach + 1 }, (_, i) => Math.exp(-((i - reach) ** 2) / (2 * sigma ** 2)));
  const total = kernel.reduce((a, b) => a + b, 0);
  const pass = (source: Float32Array, stepY: number, stepX: number): Float32Array => {
    const result = new Float32Array(source.length);
    for (let frame = 0; frame < frames; frame++) {
      for (let y = 0; y < height; y++) {
        for (let x = 0; x < width; x++) {
          const at = ((frame * height + y) * width + x) * 3;
          kernel.forEach((weight, i) => {
            const row = Math.min(height - 1, Math.max(0, y + stepY * (i - reach)));
            const column = Math.min(width - 1, Math.max(0, x + stepX * (i - reach)));
            const from = ((frame * height + row) * width + column) * 3;
            for (let c = 0; c < 3; c++) result[at + c] += (weight / total) * source[from + c];
          });
        }
      }
    }
    return result;
  };
  return { ...video, pixels: pass(pass(video.pixels, 0, 1), 1, 0) };
}

export function mean(values: number[]): number {
  return values.reduce((a, b) => a + b, 0) / values.length;
}

/** The value below which a share of the values lies. */
export function percentile(values: number[], share: number): number {
  return [...values].sort((a, b) => a - b)[Math.floor(share * (values.length - 1))];
}
