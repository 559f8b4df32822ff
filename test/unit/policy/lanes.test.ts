import { cp, mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { expect, it } from 'vitest';
import { SageError } from '../../../engine/errors.ts';
import { kernelTable } from '../../../engine/method/kernels.ts';
import { startLanes } from '../../../engine/policy/onnx/lanes.ts';
import { readWeights } from '../../../engine/policy/onnx/state.ts';
import { sharedFloats, type SampleTask } from '../../../engine/policy/onnx/tasks.ts';
import { createWeights } from '../../../engine/policy/onnx/weights.ts';
import { weightsFolder } from '../../../engine/shapes/weights.ts';

it('an error of a lane beside the calling thread arrives with its code, remedy and place', async () => {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'sage-lanes-'));
  await cp(weightsFolder(), folder, { recursive: true });
  await rm(path.join(folder, 'velocity_guided.onnx'));
  const lanes = await startLanes(folder, 2);
  const rows = 16;
  let reads = 0;
  const task: SampleTask = {
    kind: 'sample',
    weights: createWeights(lanes.layout, await readWeights(lanes.layout)).sets,
    keys: Array.from({ length: rows }, (_, prompt) => ({ seed: 1, stream: 0, iteration: 0, prompt, generation: 0 })),
    words: new BigInt64Array(rows * 3),
    table: kernelTable({ kernel: 'ode', steps: 10, shift: 3, eta: 0 }),
    // Guided, without a graph for it, only in what is packed for the other thread.
    get guidance() {
      return (reads += 1) === 1 ? 2 : 1;
    },
    trainGuidance: true,
    latents: sharedFloats(rows * 768),
    steps: [],
  };
  const error = await lanes.run(task, rows).catch((caught: unknown) => caught);
  expect(error).toBeInstanceOf(SageError);
  expect(error).toMatchObject({
    code: 'policy/graph',
    message: expect.stringContaining('velocity_guided.onnx'),
    remedy: expect.stringContaining('shapes:export'),
    place: { file: path.join(folder, 'velocity_guided.onnx') },
  });
  expect(task.latents.some((value) => value !== 0)).toBe(true);

  // The lane lives: the next task, which nothing is wrong with, is done.
  task.latents.fill(0);
  await lanes.run(task, rows);
  expect(task.latents.every((value) => value !== 0)).toBe(true);
  await lanes.close();
  await rm(folder, { recursive: true });
});
