import path from 'node:path';
import * as ort from 'onnxruntime-node';
import { beforeAll, describe, expect, test } from 'vitest';
import { judge, type Judgement } from '../../../engine/shapes/judge.ts';
import { renderScene } from '../../../engine/shapes/render.ts';
import { weightsFolder } from '../../../engine/shapes/weights.ts';
import { cases, mean } from './videos.ts';

const count = 216;
const axes = ['vq', 'mq', 'ta'] as const;
const clean = cases(count, 77).map(({ scene, words }) => ({ words, video: renderScene(scene) }));
const originals = clean.map(({ words, video }) => judge(video, words));
let reconstructions: Judgement[];

beforeAll(async () => {
  const [encoder, decoder] = await Promise.all(
    ['encoder.onnx', 'decoder.onnx'].map((file) => ort.InferenceSession.create(path.join(weightsFolder(), file))),
  );
  const { frames, height, width } = clean[0].video;
  const pixels = Float32Array.from(clean.flatMap(({ video }) => [...video.pixels]));
  const { latent } = await encoder.run({
    pixels: new ort.Tensor('float32', pixels, [count, frames, height, width, 3]),
  });
  const decoded = (await decoder.run({ latent })).pixels.data as Float32Array;
  const size = decoded.length / count;
  reconstructions = clean.map(({ words }, i) =>
    judge({ frames, height, width, pixels: decoded.subarray(i * size, (i + 1) * size) }, words),
  );
});

describe(`reconstructions of ${count} clean videos by the autoencoder`, () => {
  test.each(axes)('score within 3 %% of the originals on %s', (axis) => {
    const [before, after] = [originals, reconstructions].map((all) => mean(all.map((judgement) => judgement[axis])));
    expect(after).toBeGreaterThan(0.97 * before);
  });

  test.each([...new Set(clean.map(({ words }) => words.color))])('score so in %s as well', (color) => {
    const own = (all: Judgement[]) => all.filter((_, i) => clean[i].words.color === color);
    for (const axis of axes) {
      const [before, after] = [originals, reconstructions].map((all) => mean(own(all).map((one) => one[axis])));
      expect(after, axis).toBeGreaterThan(0.97 * before);
    }
  });

  test('lie close to the manifold: within 0.03 on average', () => {
    expect(mean(reconstructions.map(({ distance }) => distance))).toBeLessThan(0.03);
  });
});
