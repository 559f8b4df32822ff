import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { defaultFlaws, noFlaws, randomSample, writeDataset } from '../../../engine/shapes/dataset.ts';
import {
  allPrompts,
  allWords,
  formatPrompt,
  parsePrompt,
  wordIndices,
  wordsAt,
} from '../../../engine/shapes/grammar.ts';
import { createRandom } from '../../../engine/shapes/random.ts';
import { renderScene } from '../../../engine/shapes/render.ts';
import { background, palette } from '../../../engine/shapes/scene.ts';
import type { Scene } from '../../../engine/shapes/scene.ts';
import { cases, mean } from './videos.ts';

test('there are 72 different prompts, and each reads back as its words', () => {
  const prompts = allPrompts();
  expect(new Set(prompts).size).toBe(72);
  expect(prompts[0]).toBe('a red circle moving left');
  for (const words of allWords()) {
    expect(parsePrompt(formatPrompt(words))).toEqual(words);
    expect(wordsAt(wordIndices(words))).toEqual(words);
  }
});

test('prompts forgive case, blanks, articles and a full stop, and nothing else', () => {
  const words = { color: 'red', shape: 'circle', direction: 'left' };
  for (const text of ['A  Red circle\tmoving left.', ' the red circle moving left ', 'red circle moving left']) {
    expect(parsePrompt(text)).toEqual(words);
  }
  for (const text of ['', 'a red circle', 'a red circle moving', 'a pink circle moving left', 'a red 🔴 moving left']) {
    expect(parsePrompt(text)).toBeNull();
  }
  expect(parsePrompt('a red circle moving left and up')).toBeNull();
  expect(parsePrompt('<b>a red circle moving left</b>')).toBeNull();
  expect(parsePrompt(' '.repeat(10000))).toBeNull();
});

test('random scenes keep their shape inside the frame in every frame', () => {
  let brightest = 0;
  for (const { scene } of cases(288, 8)) {
    const { pixels } = renderScene(scene);
    for (let i = 0; i < pixels.length; i += 3) {
      const [x, y] = [(i / 3) % 32, Math.floor(i / 96) % 32];
      if (x > 0 && y > 0 && x < 31 && y < 31) continue;
      brightest = Math.max(brightest, pixels[i], pixels[i + 1], pixels[i + 2]);
    }
  }
  // The margin is half a pixel, so the outermost pixels are at most half covered.
  expect(brightest).toBeLessThan(0.52);
  expect(brightest).toBeGreaterThan(background);
});

test('a rendering is the same picture at every resolution', () => {
  for (const { scene } of cases(36, 9)) {
    const small = renderScene(scene, { frames: 3 }).pixels;
    const large = renderScene(scene, { frames: 3, height: 256, width: 256 }).pixels;
    let squares = 0;
    for (let i = 0; i < small.length; i++) {
      const [frame, y, x, c] = [Math.floor(i / 3072), Math.floor(i / 96) % 32, Math.floor(i / 3) % 32, i % 3];
      let sum = 0;
      for (let row = 8 * y; row < 8 * y + 8; row++) {
        for (let column = 8 * x; column < 8 * x + 8; column++)
          sum += large[((frame * 256 + row) * 256 + column) * 3 + c];
      }
      squares += (small[i] - sum / 64) ** 2;
    }
    expect(Math.sqrt(squares / small.length)).toBeLessThan(0.012);
  }
});

test('a shape has its colour inside, and its edge is neither hard nor wide', () => {
  const scene: Scene = { color: 3, shape: 0, direction: 1, x: 0.3, y: 0.5, size: 0.17, speed: 0.04 };
  const { pixels } = renderScene(scene, { frames: 2 });
  const center = (16 * 32 + Math.round(0.3 * 32 - 0.5)) * 3;
  for (let c = 0; c < 3; c++) expect(pixels[center + c]).toBeCloseTo(palette[3][c], 6);
  const row = Array.from(
    { length: 32 },
    (_, x) => (pixels[(16 * 32 + x) * 3] - background) / (palette[3][0] - background),
  );
  const edges = row.filter((share) => share > 0.001 && share < 0.999);
  expect(edges.length).toBeGreaterThanOrEqual(2);
  expect(edges.length).toBeLessThanOrEqual(4);
});

test('flaws strike independently, as often and as hard as their options say', () => {
  const samples = Array.from({ length: 1500 }, (_, i) => randomSample(createRandom(1, i)));
  const share = (condition: (sample: (typeof samples)[number]) => boolean): number =>
    mean(samples.map((sample) => (condition(sample) ? 1 : 0)));
  expect(share(({ flaws }) => flaws.jitter > 0)).toBeCloseTo(defaultFlaws.jitterShare, 1);
  expect(share(({ flaws }) => flaws.contrast < 1)).toBeCloseTo(defaultFlaws.fadedShare, 1);
  expect(share(({ flaws }) => flaws.wrongWords > 0)).toBeCloseTo(defaultFlaws.miscaptionShare, 1);
  expect(share(({ flaws }) => flaws.jitter > 0 && flaws.contrast < 1 && flaws.wrongWords > 0)).toBeCloseTo(0.027, 1);
  for (const { flaws, words, scene } of samples) {
    const shown = [scene.color, scene.shape, scene.direction];
    expect(words.filter((word, kind) => word !== shown[kind]).length).toBe(flaws.wrongWords);
    expect(flaws.contrast === 1).toBe(flaws.noise === 0);
  }
});

test('a data set file holds its videos and captions, depends on its seed only, and can be clean', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'shapes-'));
  try {
    const read = async (name: string, seed: number, clean = false): Promise<Buffer> => {
      writeDataset(join(folder, name), { count: 5, seed, flaws: clean ? noFlaws : defaultFlaws });
      return readFile(join(folder, name));
    };
    const file = await read('a', 7);
    const length = Number(file.readBigUInt64LE(0));
    const header = JSON.parse(file.toString('utf8', 8, 8 + length));
    expect(length % 8).toBe(0);
    expect(header.videos).toMatchObject({ dtype: 'U8', shape: [5, 8, 32, 32, 3] });
    expect(header.words).toMatchObject({ dtype: 'I32', shape: [5, 3] });
    const start = 8 + length;
    expect(file.length).toBe(start + header.videos.data_offsets[1]);
    for (let i = 0; i < 5; i++) {
      const sample = randomSample(createRandom(7, i));
      const words = [0, 1, 2].map((kind) =>
        file.readInt32LE(start + header.words.data_offsets[0] + 4 * (3 * i + kind)),
      );
      expect(words).toEqual(sample.words);
      const at = start + header.videos.data_offsets[0] + i * 24576;
      expect(
        file.subarray(at, at + 24576).equals(Uint8Array.from(sample.video.pixels, (v) => Math.round(255 * v))),
      ).toBe(true);
    }
    expect((await read('b', 7)).equals(file)).toBe(true);
    expect((await read('c', 8)).equals(file)).toBe(false);
    const clean = await read('d', 7, true);
    const darkest = Math.round(255 * background);
    expect(clean.at(-1)).toBe(darkest);
  } finally {
    await rm(folder, { recursive: true });
  }
});
