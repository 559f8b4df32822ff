import { describe, expect, test } from 'vitest';
import { addNoise, jitterOffsets, replaceWords } from '../../../engine/shapes/dataset.ts';
import { wordIndices, wordsAt } from '../../../engine/shapes/grammar.ts';
import { judge, manifoldDistance } from '../../../engine/shapes/judge.ts';
import type { Judgement } from '../../../engine/shapes/judge.ts';
import { renderScene } from '../../../engine/shapes/render.ts';
import { blur, cases, fill, mean, percentile } from './videos.ts';

const count = 500;
const all = cases(count, 2024);
const clean = all.map(({ scene, words }) => judge(renderScene(scene), words));

function lowest(judgements: Judgement[], key: keyof Judgement): number {
  return Math.min(...judgements.map((judgement) => judgement[key]));
}

function highest(judgements: Judgement[], key: keyof Judgement): number {
  return Math.max(...judgements.map((judgement) => judgement[key]));
}

describe(`on each of ${count} rendered videos`, () => {
  test('a clean video with the right prompt scores at least 0.95 on TA and 0.99 on VQ and MQ', () => {
    expect(lowest(clean, 'ta')).toBeGreaterThanOrEqual(0.95);
    expect(lowest(clean, 'vq')).toBeGreaterThanOrEqual(0.99);
    expect(lowest(clean, 'mq')).toBeGreaterThanOrEqual(0.99);
  });

  test('a clean video lies within 0.03 of the manifold', () => {
    expect(highest(clean, 'distance')).toBeLessThanOrEqual(0.03);
  });

  test('one wrong word lowers TA to at most 0.7 and leaves VQ and MQ alone', () => {
    const wrong = all.map(({ scene, words, random }) =>
      judge(renderScene(scene), wordsAt(replaceWords(wordIndices(words), 1, random))),
    );
    expect(highest(wrong, 'ta')).toBeLessThanOrEqual(0.7);
    wrong.forEach(({ vq, mq }, i) => expect([vq, mq]).toEqual([clean[i].vq, clean[i].mq]));
  });

  test('jitter of 1.5 px lowers MQ by at least 0.3, and by more than 0.6 on average', () => {
    const drops = all.map(({ scene, words, random }, i) => {
      const video = renderScene(scene, { offsets: jitterOffsets(8, 1.5, random) });
      return clean[i].mq - judge(video, words).mq;
    });
    expect(Math.min(...drops)).toBeGreaterThanOrEqual(0.3);
    expect(mean(drops)).toBeGreaterThan(0.6);
  });

  test('the mildest low contrast and noise of the data set lower VQ by at least 0.3, and hardly touch MQ and TA', () => {
    const faded = all.map(({ scene, words, random }) => {
      const video = renderScene(scene, { contrast: 0.7 });
      addNoise(video, 0.04, random);
      return judge(video, words);
    });
    expect(Math.min(...faded.map(({ vq }, i) => clean[i].vq - vq))).toBeGreaterThanOrEqual(0.3);
    expect(lowest(faded, 'mq')).toBeGreaterThan(0.95);
    expect(lowest(faded, 'ta')).toBeGreaterThan(0.95);
  });

  test('distance grows strictly with added noise of 0.05, 0.1, 0.2 and 0.4', () => {
    all.forEach(({ scene, random }, i) => {
      const video = renderScene(scene);
      const noise = video.pixels.map(() => random.normal());
      const distances = [0.05, 0.1, 0.2, 0.4].map((sigma) =>
        manifoldDistance({ ...video, pixels: video.pixels.map((value, j) => value + sigma * noise[j]) }),
      );
      [clean[i].distance, ...distances].reduce((before, after) => {
        expect(after).toBeGreaterThan(before);
        return after;
      });
    });
  });

  test('a mildly blurred clean video keeps its TA: 0.9 for each, 0.95 on average', () => {
    const blurred = all.map(({ scene, words }) => judge(blur(renderScene(scene), 0.7), words));
    expect(lowest(blurred, 'ta')).toBeGreaterThanOrEqual(0.9);
    expect(mean(blurred.map(({ ta }) => ta))).toBeGreaterThanOrEqual(0.95);
    expect(lowest(blurred, 'mq')).toBeGreaterThanOrEqual(0.95);
    expect(
      percentile(
        blurred.map(({ vq }) => vq),
        0.05,
      ),
    ).toBeGreaterThanOrEqual(0.9);
  });

  test('pure noise scores at most 0.1 on every axis', () => {
    const uniform = all.map(({ words, random }) =>
      judge(
        fill(() => random.uniform()),
        words,
      ),
    );
    const gaussian = all.map(({ words, random }, i) => {
      const [level, sigma] = [i % 2 === 0 ? 0.5 : 0.08, [0.05, 0.1, 0.3, 1][i % 4]];
      return judge(
        fill(() => level + sigma * random.normal()),
        words,
      );
    });
    for (const axis of ['vq', 'mq', 'ta'] as const) {
      expect(highest(uniform, axis)).toBeLessThanOrEqual(0.1);
      expect(highest(gaussian, axis)).toBeLessThanOrEqual(0.1);
    }
  });
});
