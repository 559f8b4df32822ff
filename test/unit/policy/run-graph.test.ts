import path from 'node:path';
import * as ort from 'onnxruntime-node';
import { expect, test } from 'vitest';
import { runGraph } from '../../../engine/policy/onnx/run-graph.ts';
import { weightsFolder } from '../../../engine/shapes/weights.ts';

const rows = 4;
const latentSize = 768;
const videoSize = 8 * 32 * 32 * 3;

test('a graph puts its outputs into the given memory and leaves none of its own behind', async () => {
  const session = await ort.InferenceSession.create(path.join(weightsFolder(), 'decoder.onnx'));
  const latent = new ort.Tensor('float32', new Float32Array(rows * latentSize), [rows, latentSize]);
  const pixels = new Float32Array(rows * videoSize).fill(Number.NaN);
  const target = new ort.Tensor('float32', pixels, [rows, 8, 32, 32, 3]);
  await runGraph(session, { latent }, { pixels: target });
  const before = process.memoryUsage().arrayBuffers;
  for (let i = 0; i < 8; i++) await runGraph(session, { latent }, { pixels: target });
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(2 * pixels.byteLength);
  expect(pixels.every((value) => value >= 0 && value <= 1)).toBe(true);
});
