import { describe, expect, test } from 'vitest';
import { addNoise, jitterOffsets } from '../../../engine/shapes/dataset.ts';
import { allWords } from '../../../engine/shapes/grammar.ts';
import { judge } from '../../../engine/shapes/judge.ts';
import { renderScene } from '../../../engine/shapes/render.ts';
import { background, palette } from '../../../engine/shapes/scene.ts';
import type { Scene } from '../../../engine/shapes/scene.ts';
import { blankFrames, cases, copy, fill, mean, reorder } from './videos.ts';

const redSquareRight = { color: 'red', shape: 'square', direction: 'right' } as const;
const scene: Scene = { color: 0, shape: 1, direction: 1, x: 0.3, y: 0.5, size: 0.16, speed: 0.045 };
const some = cases(24, 11);
/** Twelve prompts that hold every word. */
const fewWords = allWords()
  .filter((_, i) => i % 7 === 0)
  .concat(allWords().slice(60, 61));

describe('the judge is hard to fool', () => {
  const position = (i: number): [number, number] => [Math.floor(i / 3) % 32, Math.floor(i / 96) % 32];
  const empty: Record<string, (i: number) => number> = {
    'a blank video': () => background,
    'a black video': () => 0,
    'a white video': () => 1,
    'a grey video': () => 0.5,
    'a video of one palette colour': (i) => palette[0][i % 3],
    'a fine checkerboard': (i) => position(i).reduce((a, b) => (a + b) % 2),
    'a checkerboard with cells of shape size': (i) => position(i).reduce((a, b) => ((a >> 3) + (b >> 3)) % 2),
    'a gradient': (i) => position(i)[0] / 31,
  };
  test.each(Object.entries(empty))('%s scores at most 0.1 on every axis for any prompt', (_, value) => {
    const video = fill(value);
    for (const words of fewWords) {
      const { vq, mq, ta } = judge(video, words);
      expect(Math.max(vq, mq, ta)).toBeLessThanOrEqual(0.1);
    }
  });

  test('a shape that stands still has good looks and no motion quality', () => {
    for (const { scene: moving, words } of some) {
      const { vq, mq } = judge(reorder(renderScene(moving), [0, 0, 0, 0, 0, 0, 0, 0]), words);
      expect(vq).toBeGreaterThan(0.99);
      expect(mq).toBeLessThan(0.1);
    }
  });

  test('a shape that vanishes, appears late or flickers loses motion quality', () => {
    for (const { scene: moving, words } of some) {
      for (const missing of [
        [4, 5, 6, 7],
        [0, 1, 2, 3],
        [1, 3, 5, 7],
      ]) {
        expect(judge(blankFrames(renderScene(moving), missing), words).mq).toBeLessThan(0.3);
      }
      expect(judge(blankFrames(renderScene(moving), [6, 7]), words).mq).toBeLessThan(0.6);
    }
  });

  test('frames out of order lose motion quality, and nothing else of the pictures', () => {
    for (const { scene: moving, words } of some) {
      const { vq, mq } = judge(reorder(renderScene(moving), [3, 6, 1, 4, 7, 2, 0, 5]), words);
      expect(vq).toBeGreaterThan(0.99);
      expect(mq).toBeLessThan(0.1);
    }
  });

  test('a diagonal or too fast motion is not good motion', () => {
    const diagonal = Array.from({ length: 16 }, (_, i) => (i % 2 === 0 ? 0 : 0.03 * ((i - 1) / 2 - 3.5)));
    expect(judge(renderScene(scene, { offsets: diagonal }), redSquareRight).mq).toBeLessThan(0.15);
    const fast = Array.from({ length: 16 }, (_, i) => (i % 2 === 0 ? 0.04 * (i / 2 - 3.5) : 0));
    expect(judge(renderScene(scene, { offsets: fast }), redSquareRight).mq).toBeLessThan(0.3);
  });

  test('a second shape costs visual quality', () => {
    const video = renderScene(scene);
    const other = renderScene({ ...scene, color: 2, y: 0.8 });
    video.pixels.forEach((_, i) => (video.pixels[i] = Math.max(video.pixels[i], other.pixels[i])));
    expect(judge(video, redSquareRight).vq).toBeLessThan(0.5);
  });

  test('no size is rewarded: the same noise costs small and large shapes the same', () => {
    const noisy = some.map(({ scene: moving, words, random }) => {
      const video = renderScene(moving);
      addNoise(video, 0.08, random);
      return judge(video, words).vq;
    });
    expect(Math.max(...noisy) - Math.min(...noisy)).toBeLessThan(0.05);
  });
});

describe('every step in the right direction raises a score', () => {
  const falling = (values: number[]): void => {
    for (let i = 1; i < values.length; i++) expect(values[i]).toBeLessThan(values[i - 1] - 0.01);
  };

  test('MQ falls as jitter grows', () => {
    falling(
      [0, 0.25, 0.5, 1, 1.5, 2, 3].map((sigma) =>
        mean(
          some.map(
            ({ scene: moving, words, random }) =>
              judge(renderScene(moving, { offsets: jitterOffsets(8, sigma, random) }), words).mq,
          ),
        ),
      ),
    );
  });

  test('VQ falls as noise grows and as contrast fades', () => {
    falling(
      [0, 0.02, 0.04, 0.06, 0.08, 0.12, 0.2].map((sigma) =>
        mean(
          some.map(({ scene: moving, words, random }) => {
            const video = renderScene(moving);
            addNoise(video, sigma, random);
            return judge(video, words).vq;
          }),
        ),
      ),
    );
    falling(
      [1, 0.85, 0.7, 0.55, 0.4, 0.25].map((contrast) =>
        mean(some.map(({ scene: moving, words }) => judge(renderScene(moving, { contrast }), words).vq)),
      ),
    );
  });

  test('TA falls as one shape, colour or direction turns into another', () => {
    const mix = (from: Scene, to: Scene): void => {
      const [a, b] = [renderScene(from), renderScene(to)];
      const scores = [0, 0.35, 0.5, 0.65, 1].map((share) => {
        const video = copy(a);
        video.pixels.forEach((value, i) => (video.pixels[i] = (1 - share) * value + share * b.pixels[i]));
        return judge(video, redSquareRight).ta;
      });
      falling(scores);
    };
    mix(scene, { ...scene, color: 4 });
    mix(scene, { ...scene, shape: 0, size: scene.size });
    const speeds = [1, 0.3, 0.1, -0.1, -0.3].map((factor) => {
      const offsets = Array.from({ length: 16 }, (_, i) => (i % 2 === 0 ? (factor - 1) * scene.speed * (i / 2) : 0));
      return judge(renderScene(scene, { offsets }), redSquareRight).ta;
    });
    falling(speeds);
  });
});

test('other sizes and frame counts are judged alike', () => {
  for (const options of [{ frames: 16, height: 64, width: 64 }, { frames: 8, height: 48, width: 48 }, { frames: 5 }]) {
    const { vq, mq, ta, distance } = judge(renderScene(scene, options), redSquareRight);
    expect(Math.min(vq, mq, ta)).toBeGreaterThan(0.95);
    expect(distance).toBeLessThan(0.03);
  }
});

test('values outside of [0, 1] are clamped first', () => {
  const video = renderScene(scene);
  const wild = copy(video);
  video.pixels.forEach((value, i) => (video.pixels[i] = Math.min(1, Math.max(0, 1.6 * value - 0.2))));
  wild.pixels.forEach((value, i) => (wild.pixels[i] = 1.6 * value - 0.2));
  expect(judge(wild, redSquareRight)).toEqual(judge(video, redSquareRight));
});

test('a video that is not finite or not of its size is an error that says where', () => {
  const video = renderScene(scene);
  for (const value of [NaN, Infinity, -Infinity]) {
    const broken = copy(video);
    broken.pixels[2 * 3072 + 5] = value;
    expect(() => judge(broken, redSquareRight)).toThrow(`frame 2) is ${value}`);
  }
  expect(() => judge({ ...video, height: 31 }, redSquareRight)).toThrow('8×31×32');
});
