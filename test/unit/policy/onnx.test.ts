import { spawn } from 'node:child_process';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SageError } from '../../../engine/errors.ts';
import { exploredSteps, kernelTable, type KernelName } from '../../../engine/method/kernels.ts';
import { logProb } from '../../../engine/method/logprob.ts';
import { createShapesPolicy } from '../../../engine/policy/onnx/shapes-policy.ts';
import { replayed, type SingleReplay } from '../../support/replay.ts';
import type { Policy, RolloutRequest, SampledVideo, SampleSpec } from '../../../engine/policy/policy.ts';
import { readSafetensors } from '../../../engine/run/safetensors.ts';
import { allPrompts } from '../../../engine/shapes/grammar.ts';
import { weightsFolder } from '../../../engine/shapes/weights.ts';

const prompts = allPrompts();
const samples: SampleSpec[] = Array.from({ length: 9 }, (_, i) => ({
  prompt: prompts[(i * 7) % prompts.length],
  key: { seed: 5, stream: 0, iteration: 3, prompt: i, generation: i % 2 },
}));
const seventeen: SampleSpec[] = Array.from({ length: 17 }, (_, i) => ({
  prompt: prompts[i],
  key: { seed: 6, stream: 0, iteration: 0, prompt: i, generation: 0 },
}));
const kernels: KernelName[] = ['sage', 'flow_grpo', 'dance_grpo', 'cps'];
const adam = {
  learningRate: 1e-3,
  weightDecay: 0.01,
  beta1: 0.9,
  beta2: 0.999,
  epsilon: 1e-8,
  maxGradientNorm: 1,
};

function rolloutRequest(kernel: KernelName, guidance = 1, trainGuidance = true): RolloutRequest {
  const table = kernelTable({ kernel, steps: 4, shift: 3, eta: 0.5 });
  return { samples, table, trainedSteps: exploredSteps(table), guidance, trainGuidance };
}

function replayRequest(handle: string, step: number, indices: number[]): SingleReplay {
  return {
    handle,
    step,
    samples: indices,
    advantages_M: indices.map((i) => (i % 3) - 1),
    equalizer: 1,
    clipRange: 1e-4,
    beta: 1e-2,
    anchorWeight: 1,
    stepwiseWeight: 0.1,
    stepwiseEstimator: 'k3',
    useAnchor: true,
    measureReference: true,
    gradientScale: 1,
  };
}

async function pixelsOf(video: SampledVideo): Promise<Float32Array> {
  return (await video.load()).pixels;
}

let policy: Policy;
let folder: string;
beforeAll(async () => {
  policy = await createShapesPolicy({ threads: 2 });
  folder = await mkdtemp(path.join(os.tmpdir(), 'sage-policy-'));
});
afterAll(async () => {
  await policy.dispose();
  await rm(folder, { recursive: true });
});

describe('replay with unchanged weights', () => {
  const cases = [
    ...kernels.map((kernel) => [kernel, 1, true] as const),
    ['sage', 2.5, true] as const,
    ['sage', 2.5, false] as const,
  ];
  it.each(cases)('gives a ratio of exactly 1 (%s, guidance %d, trained with guidance %s)', async (...args) => {
    const request = rolloutRequest(...args);
    const { handle } = await policy.rollout(request);
    for (const step of request.trainedSteps) {
      for (const indices of [[0, 1, 2, 3, 4, 5, 6, 7, 8], [8, 2, 5], [4]]) {
        const result = await replayed(policy, replayRequest(handle, step, indices));
        expect(result.ratioDeviation).toBe(0);
        expect(result.ratio).toBe(1);
        expect(result.approxKl).toBe(0);
        expect(result.klAnchor).toBe(0);
        expect(result.driftReference).toBe(0);
        expect(result.clipFraction).toBe(0);
      }
    }
    policy.release(handle);
  });
});

describe('a rollout', () => {
  it('does not depend on the batch that a sample is in', async () => {
    const request = rolloutRequest('sage');
    const all = await policy.rollout(request);
    const some = await policy.rollout({ ...request, samples: [samples[6], samples[1]] });
    const one = await policy.rollout({ ...request, samples: [samples[6]] });
    for (const other of [some.videos[0], one.videos[0]])
      expect(maximumDifference(await pixelsOf(other), await pixelsOf(all.videos[6]))).toBeLessThan(1e-6);
    expect([...some.logProbs_N_K[1]]).toEqual([...all.logProbs_N_K[1]]);
    expect([...one.logProbs_N_K[0]]).toEqual([...all.logProbs_N_K[6]]);
  });

  it('has the log-probability of its noise: near −½(z² + log 2π s²) on average', async () => {
    const request = rolloutRequest('sage');
    const { logProbs_N_K } = await policy.rollout(request);
    request.trainedSteps.forEach((k, i) => {
      // The mean of z² over 768 normal numbers is 1 ± 0.05.
      const expected = logProb(request.table, k, request.table.steps[k].s ** 2);
      for (const row of logProbs_N_K) expect(Math.abs(row[i] - expected)).toBeLessThan(0.15);
    });
  });

  it('gives videos of the format that describe() names, with values in [0, 1]', async () => {
    const { videos } = await policy.rollout({ ...rolloutRequest('ode'), trainedSteps: [] });
    const { frames, height, width } = policy.describe().video;
    for (const video of videos) {
      expect(video).toMatchObject({ frames, height, width });
      const pixels = await pixelsOf(video);
      expect(pixels.length).toBe(frames * height * width * 3);
      expect(pixels.every((value) => value >= 0 && value <= 1)).toBe(true);
    }
  });

  it('refuses a prompt that the model has no words for', async () => {
    const odd = [{ ...samples[0], prompt: 'a <b>dog</b> 🐕' }];
    await expect(policy.rollout({ ...rolloutRequest('ode'), samples: odd })).rejects.toMatchObject({
      code: 'policy/prompt',
      remedy: expect.stringContaining('a red circle moving left'),
    });
  });
});

describe('an update', () => {
  it('moves the ratio off 1, and the drift, and the anchor follows when it is set', async () => {
    const own = await createShapesPolicy({ threads: 2 });
    const request = rolloutRequest('sage');
    const { handle } = await own.rollout(request);
    await own.setAnchor();
    await replayed(own, replayRequest(handle, 1, [0, 1, 2, 3]));
    const { updateNorm, gradientNorm, skipped } = await own.optimStep(adam);
    expect(skipped).toBe(false);
    expect(gradientNorm).toBeGreaterThan(0);
    expect(updateNorm).toBeGreaterThan(0);
    const moved = await replayed(own, replayRequest(handle, 1, [0, 1, 2, 3]));
    expect(moved.ratioDeviation).toBeGreaterThan(0);
    expect(moved.klAnchor).toBeGreaterThan(0);
    expect(moved.driftAnchor).toBeGreaterThan(0);
    await own.setAnchor();
    const anchored = await replayed(own, replayRequest(handle, 1, [0, 1, 2, 3]));
    expect(anchored.klAnchor).toBe(0);
    expect(anchored.driftAnchor).toBe(0);
    expect(anchored.driftReference).toBeCloseTo(moved.driftReference!, 9);
    const free = await replayed(own, { ...replayRequest(handle, 1, [0, 1, 2, 3]), useAnchor: false });
    expect(free).toMatchObject({ klAnchor: 0, driftAnchor: null, driftReference: anchored.driftReference });
    await own.dispose();
  });

  it('accumulates: two half micro-batches give the gradient of the whole', async () => {
    const request = rolloutRequest('sage');
    const { handle } = await policy.rollout(request);
    await policy.optimStep({ ...adam, learningRate: 0, weightDecay: 0 });
    await replayed(policy, replayRequest(handle, 2, [0, 1, 2, 3]));
    const whole = await policy.optimStep({ ...adam, learningRate: 0, weightDecay: 0 });
    for (const half of [
      [0, 1],
      [2, 3],
    ]) {
      await replayed(policy, { ...replayRequest(handle, 2, half), gradientScale: 0.5 });
    }
    const halves = await policy.optimStep({ ...adam, learningRate: 0, weightDecay: 0 });
    expect(halves.gradientNorm / whole.gradientNorm).toBeCloseTo(1, 4);
    policy.release(handle);
  });

  it('improves the surrogate: after a step the samples with a positive advantage are likelier', async () => {
    const own = await createShapesPolicy({ threads: 2 });
    const { handle } = await own.rollout(rolloutRequest('sage'));
    const request = { ...replayRequest(handle, 1, [0]), advantages_M: [1], beta: 0 };
    await replayed(own, request);
    await own.optimStep({ ...adam, learningRate: 1e-4, weightDecay: 0 });
    expect((await replayed(own, request)).ratio).toBeGreaterThan(1);
    await own.dispose();
  });
});

describe('state', () => {
  it('comes back to the bit: weights, anchor and optimizer', async () => {
    const first = await createShapesPolicy({ threads: 2 });
    const second = await createShapesPolicy({ threads: 2 });
    const step = async (own: Policy) => {
      const { handle } = await own.rollout(rolloutRequest('sage'));
      const result = await replayed(own, replayRequest(handle, 0, [0, 1, 2]));
      const updated = await own.optimStep(adam);
      own.release(handle);
      return { result, updated };
    };
    await first.setAnchor();
    await step(first);
    await first.setAnchor();
    await step(first);
    const saved = await mkdtemp(path.join(folder, 'state-'));
    const files = await first.saveState(saved);
    expect(files.sort()).toEqual(['anchor.safetensors', 'optimizer.safetensors', 'policy.safetensors']);
    await second.loadState(saved);
    expect(await step(second)).toEqual(await step(first));
    expect(await step(second)).toEqual(await step(first));
    await Promise.all([first.dispose(), second.dispose()]);
  });

  it('has no anchor after it was saved without one', async () => {
    const own = await createShapesPolicy({ threads: 2 });
    const saved = await mkdtemp(path.join(folder, 'bare-'));
    expect(await own.saveState(saved)).not.toContain('anchor.safetensors');
    await own.loadState(saved);
    const again = await mkdtemp(path.join(folder, 'bare-'));
    expect(await own.saveState(again)).not.toContain('anchor.safetensors');
    await own.dispose();
  });
});

describe('threads', () => {
  it('do not change a bit: any number gives the same videos, numbers and weights', async () => {
    const trained = async (threads: number) => {
      const own = await createShapesPolicy({ threads });
      const request = rolloutRequest('sage');
      const numbers: unknown[] = [];
      const pixels: Float32Array[] = [];
      for (let update = 0; update < 2; update++) {
        const { handle, videos, logProbs_N_K } = await own.rollout({ ...request, samples: seventeen });
        pixels.push(...(await Promise.all(videos.map(pixelsOf))));
        numbers.push(logProbs_N_K, await replayed(own, replayRequest(handle, 1, [...seventeen.keys()])));
        numbers.push(await replayed(own, replayRequest(handle, 2, [16, 3])), await own.optimStep(adam));
        await own.setAnchor();
        own.release(handle);
      }
      const saved = await mkdtemp(path.join(folder, 'threads-'));
      const files = await own.saveState(saved);
      await own.dispose();
      const states = await Promise.all(files.map((file) => readFile(path.join(saved, file))));
      return { numbers, pixels: Buffer.concat(pixels.map((values) => Buffer.from(values.buffer))), states };
    };
    const one = await trained(1);
    for (const threads of [2, 3]) {
      const more = await trained(threads);
      expect(more.numbers).toEqual(one.numbers);
      expect(more.pixels.equals(one.pixels)).toBe(true);
      expect(more.states.map((state, i) => state.equals(one.states[i]))).toEqual([true, true, true]);
    }
  });

  it('leave the event loop free while the model runs', async () => {
    let turns = 0;
    const timer = setInterval(() => (turns += 1), 1);
    await policy.rollout(rolloutRequest('sage'));
    clearInterval(timer);
    expect(turns).toBeGreaterThan(1);
  });

  it('do not keep the process alive, nor break it when it exits in the middle of a rollout', async () => {
    const module = (file: string) => JSON.stringify(new URL(`../../../engine/${file}`, import.meta.url).href);
    const program = (end: string) => `
      import { createShapesPolicy } from ${module('policy/onnx/shapes-policy.ts')};
      import { kernelTable } from ${module('method/kernels.ts')};
      const policy = await createShapesPolicy({ threads: 2 });
      const table = kernelTable(${JSON.stringify({ kernel: 'sage', steps: 10, shift: 3, eta: 0.5 })});
      const request = { table, samples: ${JSON.stringify(seventeen)}, trainedSteps: [], guidance: 1, trainGuidance: true };
      const running = policy.rollout(request);
      ${end}`;
    const codeOf = async (end: string) => {
      const file = path.join(folder, 'program.mjs');
      await writeFile(file, program(end));
      const child = spawn(process.execPath, [file], { stdio: 'inherit' });
      return new Promise((resolve) => child.on('close', (code, signal) => resolve(signal ?? code)));
    };
    expect(await codeOf('await running;')).toBe(0);
    expect(await codeOf('setTimeout(() => process.exit(5), 30);')).toBe(5);
  });

  it.each([1, 2])('that have ended are an error, not a wait (%d)', async (threads) => {
    const own = await createShapesPolicy({ threads });
    await own.dispose();
    await expect(own.rollout(rolloutRequest('sage'))).rejects.toMatchObject({ code: 'policy/lane' });
  });

  it('pass on an error and go on with the next task', async () => {
    const graphs = path.join(folder, 'unguided');
    await cp(weightsFolder(), graphs, { recursive: true });
    await rm(path.join(graphs, 'velocity_guided.onnx'));
    const own = await createShapesPolicy({ threads: 3, graphsFolder: graphs });
    const guided = { ...rolloutRequest('sage', 2.5), samples: seventeen };
    await expect(own.rollout(guided)).rejects.toMatchObject({
      code: 'policy/graph',
      message: expect.stringContaining('velocity_guided.onnx'),
      remedy: expect.stringContaining('shapes:export'),
    });
    expect((await own.rollout({ ...rolloutRequest('sage'), samples: seventeen })).videos).toHaveLength(17);
    await own.dispose();
  });
});

describe('broken files', () => {
  it('names a graph that is not one', async () => {
    const broken = path.join(folder, 'graphs');
    await cp(weightsFolder(), broken, { recursive: true });
    await writeFile(path.join(broken, 'update.onnx'), 'not a graph');
    await expect(createShapesPolicy({ threads: 1, graphsFolder: broken })).rejects.toMatchObject({
      code: 'policy/graph',
      message: expect.stringContaining('update.onnx'),
      remedy: expect.stringContaining('shapes:export'),
    });
    await rm(path.join(broken, 'update.onnx'));
    await expect(createShapesPolicy({ threads: 1, graphsFolder: broken })).rejects.toMatchObject({
      code: 'policy/graph',
    });
  });

  it('names weights that are not safetensors, and weights of another model', async () => {
    const text = path.join(folder, 'text.safetensors');
    await writeFile(text, 'these are no tensors');
    await expect(createShapesPolicy({ threads: 1, weightsFile: text })).rejects.toBeInstanceOf(SageError);
    const decoder = path.join(weightsFolder(), 'decoder.safetensors');
    await expect(createShapesPolicy({ threads: 1, weightsFile: decoder })).rejects.toMatchObject({
      code: 'policy/weights',
      place: { file: decoder },
    });
  });

  it('ships weights of at most 4 MB that fit the graphs', async () => {
    const file = path.join(weightsFolder(), 'policy.safetensors');
    expect((await readFile(file)).length).toBeLessThanOrEqual(4e6);
    expect((await readSafetensors(file)).tensors.size).toBeGreaterThan(10);
  });
});

function maximumDifference(a: Float32Array, b: Float32Array): number {
  return a.reduce((most, value, i) => Math.max(most, Math.abs(value - b[i])), 0);
}
