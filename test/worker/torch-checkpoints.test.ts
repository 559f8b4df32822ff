import { mkdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { kernelTable } from '../../engine/method/kernels.ts';
import { createShapesPolicy } from '../../engine/policy/onnx/shapes-policy.ts';
import type { Policy, ReplayResult } from '../../engine/policy/policy.ts';
import { createTorchPolicy } from '../../engine/policy/torch/torch-policy.ts';
import { replayed } from '../support/replay.ts';
import { needsTorch, relative, scratchFolder, startTestWorker } from './torch.ts';

const adam = { learningRate: 3e-3, weightDecay: 0.01, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, maxGradientNorm: 1 };
const table = kernelTable({ kernel: 'sage', steps: 4, shift: 3, eta: 0.5 });
const samples = [0, 1, 2, 3].map((generation) => ({
  prompt: 'a green square moving right',
  key: { seed: 5, stream: 0, iteration: 3, prompt: 0, generation },
}));

/** Replays two steps, with an update in between. */
async function train(policy: Policy): Promise<ReplayResult[]> {
  const { handle } = await policy.rollout({ samples, table, trainedSteps: [0, 1], guidance: 1, trainGuidance: true });
  const results: ReplayResult[] = [];
  for (const step of [0, 1]) {
    const constants = { clipRange: 1e-4, beta: 0.5, anchorWeight: 1, stepwiseWeight: 0.1, gradientScale: 1 };
    const observed = { useAnchor: true, measureReference: true, stepwiseEstimator: 'k3' as const };
    const micro = { handle, step, samples: [0, 1, 2, 3], advantages_M: [0.4, 0.7, 1, 1.3], equalizer: 1.7 };
    results.push(await replayed(policy, { ...micro, ...constants, ...observed }));
    await policy.optimStep(adam);
  }
  policy.release(handle);
  return results;
}

describe('checkpoints of the Shapes model are those of the embedded engine', () => {
  needsTorch();
  const folder = scratchFolder();
  const folders = { onnx: path.join(folder, 'onnx'), torch: path.join(folder, 'torch') };
  let onnx: Policy;
  let torch: Policy;
  let expected: ReplayResult[];
  beforeAll(async () => {
    onnx = await createShapesPolicy({ threads: 1 });
    torch = createTorchPolicy(await startTestWorker());
    for (const name of Object.values(folders)) await mkdir(name);
    await train(onnx);
    await onnx.setAnchor();
    await train(onnx);
    await onnx.saveState(folders.onnx);
    expected = await train(onnx);
  });
  afterAll(() => onnx?.dispose());

  test('torch goes on from a checkpoint of the engine as the engine does', async () => {
    await torch.loadState(folders.onnx);
    await torch.saveState(folders.torch);
    const results = await train(torch);
    // Weights, anchor and moments have all moved.
    expect(expected[0].klAnchor).toBeGreaterThan(1e-4);
    for (const [i, result] of results.entries())
      for (const name of ['loss', 'gradientNorm', 'klAnchor', 'driftReference', 'driftAnchor'] as const)
        expect(relative(result[name]!, expected[i][name]!), name).toBeLessThan(1e-4);
  });

  test('what torch has read and written takes the engine on to the bit', async () => {
    for (const file of ['policy.safetensors', 'anchor.safetensors', 'optimizer.safetensors'])
      expect((await readFile(path.join(folders.torch, file))).length).toBeGreaterThan(2_000_000);
    await onnx.loadState(folders.torch);
    expect(await train(onnx)).toEqual(expected);
  });
});
