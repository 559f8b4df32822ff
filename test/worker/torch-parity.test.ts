import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { exploredSteps, kernelTable, type KernelName } from '../../engine/method/kernels.ts';
import { createShapesPolicy } from '../../engine/policy/onnx/shapes-policy.ts';
import type { Policy, Replay, ReplayResult, RolloutResult } from '../../engine/policy/policy.ts';
import { createTorchPolicy } from '../../engine/policy/torch/torch-policy.ts';
import { createShapesJudge } from '../../engine/reward/shapes-judge.ts';
import { allPrompts } from '../../engine/shapes/grammar.ts';
import { replayed, type SingleReplay } from '../support/replay.ts';
import { needsTorch, relative, scratchFolder, startTestWorker } from './torch.ts';

const kernels: KernelName[] = ['sage', 'flow_grpo', 'dance_grpo', 'cps'];
const tolerance = 1e-4;
const samples = Array.from({ length: 6 }, (_, i) => ({
  prompt: allPrompts()[i * 11],
  key: { seed: 5, stream: 0, iteration: 3, prompt: i, generation: i % 2 },
}));
/** Large enough that what changes is far from what single precision rounds. */
const adam = { learningRate: 3e-3, weightDecay: 0.01, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, maxGradientNorm: 1 };

function replayOf(handle: string, step: number, indices: number[]): SingleReplay {
  return {
    handle,
    step,
    samples: indices,
    // They do not cancel: neither does the loss.
    advantages_M: indices.map((i) => 0.4 + 0.3 * i),
    equalizer: 1.7,
    clipRange: 1e-4,
    beta: 0.5,
    anchorWeight: 1,
    stepwiseWeight: 0.1,
    stepwiseEstimator: 'k3',
    useAnchor: true,
    measureReference: true,
    gradientScale: 0.5,
  };
}

let onnx: Policy;
let torch: Policy;
const start = scratchFolder();
let reached = false;
describe('the Shapes model under torch agrees with the embedded engine within 1e-4', () => {
  needsTorch();
  beforeAll(async () => {
    onnx = await createShapesPolicy({ threads: 1 });
    torch = createTorchPolicy(await startTestWorker());
    await onnx.saveState(start);
    reached = true;
  });
  afterAll(() => onnx?.dispose());

  const judge = createShapesJudge();
  const rewardsOf = async ({ videos }: RolloutResult) => {
    const scores = await judge.score(videos.map((video, i) => ({ prompt: samples[i].prompt, video })));
    return scores.map((score) => {
      if (!score.scored) throw new Error(score.reason);
      const { VQ, MQ, TA } = score.components;
      return 0.5 * VQ + 0.5 * MQ + TA;
    });
  };

  test.each([
    ...kernels.map((kernel) => ({ kernel, guidance: 1, trainGuidance: true })),
    { kernel: 'sage' as const, guidance: 2.5, trainGuidance: true },
    { kernel: 'sage' as const, guidance: 2.5, trainGuidance: false },
  ])('$kernel, guidance $guidance, trained with guidance $trainGuidance', async ({ kernel, ...guided }) => {
    expect(reached).toBe(true);
    const table = kernelTable({ kernel, steps: 4, shift: 3, eta: 0.5 });
    const trainedSteps = exploredSteps(table);
    const both = async <T>(ask: (policy: Policy, index: 0 | 1) => Promise<T>) =>
      [await ask(onnx, 0), await ask(torch, 1)] as const;
    // Each begins with the released weights; under torch too, which reads the same files.
    await both((policy) => policy.loadState(start));
    const rollouts = await both((policy) => policy.rollout({ samples, table, trainedSteps, ...guided }));
    const handles = rollouts.map(({ handle }) => handle);

    const pixels = await Promise.all(rollouts.map(async ({ videos }) => (await videos[4].load()).pixels));
    expect(largestDifference(pixels[0], pixels[1])).toBeLessThan(tolerance);
    const [expected, actual] = await Promise.all(rollouts.map(rewardsOf));
    expected.forEach((reward, i) => expect(relative(reward, actual[i])).toBeLessThan(tolerance));
    rollouts[0].logProbs_N_K.forEach((row, i) =>
      row.forEach((value, k) => expect(relative(value, rollouts[1].logProbs_N_K[i][k])).toBeLessThan(tolerance)),
    );

    await both((policy) => policy.setAnchor());
    const replay = (step: number, indices: number[], changes: Partial<SingleReplay> = {}) =>
      both((policy, i) => replayed(policy, { ...replayOf(handles[i], step, indices), ...changes }));
    for (const [, second] of [await replay(0, [0, 1, 2, 3]), await replay(1, [5, 2])])
      expect(second).toMatchObject({ ratio: 1, ratioDeviation: 0, approxKl: 0, klAnchor: 0, clipFraction: 0 });
    // The second is of the weights that both have changed, against the anchor of before and after it is refreshed.
    for (let update = 0; update < 2; update++) {
      const [first, second] = await both((policy) => policy.optimStep(adam));
      expect(second.skipped).toBe(first.skipped);
      expect(relative(first.gradientNorm, second.gradientNorm)).toBeLessThan(tolerance);
      expect(relative(first.updateNorm, second.updateNorm)).toBeLessThan(tolerance);
      for (const step of trainedSteps) expectAgreement(...(await replay(step, [3, 0, 1, 4])));
      // Where the clip binds, only the anchor's term has a gradient that is more than rounding.
      const free = await replay(trainedSteps[0], [3, 0, 1, 4], { useAnchor: false, clipRange: 1 });
      expectAgreement(...free);
      expect(free[0]).toMatchObject({ klAnchor: 0, driftAnchor: null });
      // Steps that share passes under torch, one after the other on the engine's lanes.
      const mixed = await both((policy, i) => {
        const { samples, step, advantages_M, equalizer, ...rest } = replayOf(handles[i], 0, [3, 0, 1, 4]);
        const replays: Replay[] = [{ samples, step, advantages_M, equalizer }];
        replays.push({ samples: [2, 5], step: 1, advantages_M: [0.7, 1.2], equalizer: 0.6 });
        return policy.forwardBackward({ ...rest, replays });
      });
      expect(mixed[0].map(({ gradientNorm }) => gradientNorm)).toEqual([null, null]);
      mixed[0].forEach((result, i) => expectAgreement(result, mixed[1][i]));
      await both((policy) => policy.setAnchor());
    }
    await both(async (policy, i) => policy.release(handles[i]));
    // What was accumulated since the last update is not the next case's.
    await both((policy) => policy.optimStep(adam));
  });
});

/** What single precision leaves of the difference of two log-probabilities near 1. */
const rounding = 2 ** -22;

/** Differences of log-probabilities carry their rounding, and their squares twice their own size of it. */
const allowance: Partial<Record<keyof ReplayResult, (value: number) => number>> = {
  ratioDeviation: () => rounding,
  approxKl: (value) => Math.sqrt(2 * value) * rounding,
  klStep: (value) => Math.sqrt(2 * value) * rounding,
};

function expectAgreement(expected: ReplayResult, actual: ReplayResult): void {
  const names = Object.keys(expected) as (keyof ReplayResult)[];
  expect(Object.keys(actual).sort()).toEqual([...names].sort());
  const apart = names.flatMap((name) => {
    const [first, second] = [expected[name], actual[name]];
    if (first === null || second === null) return first === second ? [] : [`${name}: ${first} and ${second}`];
    const allowed = tolerance * Math.abs(first) + (allowance[name]?.(first) ?? 0);
    return Math.abs(first - second) <= allowed ? [] : [`${name}: ${first} and ${second}`];
  });
  expect(apart).toEqual([]);
}

function largestDifference(a: Float32Array, b: Float32Array): number {
  return a.reduce((most, value, i) => Math.max(most, Math.abs(value - b[i])), 0);
}
