import path from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import { exploredSteps, kernelTable } from '../../engine/method/kernels.ts';
import type { Policy } from '../../engine/policy/policy.ts';
import { createTorchPolicy } from '../../engine/policy/torch/torch-policy.ts';
import { openWorker } from '../../engine/policy/torch/worker.ts';
import { until } from '../e2e/support.ts';
import { childrenOf, isAlive, parentOf } from './processes.ts';
import { replayed } from '../support/replay.ts';
import { needsTorch, python, shapesSettings } from './torch.ts';

vi.setConfig({ testTimeout: 600_000 });

const program = path.join(import.meta.dirname, 'python', 'failing_rank.py');
const torchrun = [python, '-m', 'torch.distributed.run', '--standalone', '--nproc-per-node', '2'];
const samples = ['a red circle moving left', 'a blue square moving up'].map((prompt, i) => ({
  prompt,
  key: { seed: 1, stream: 0, iteration: 0, prompt: i, generation: 0 },
}));

/** A worker of two processes, of which some fail in a replay, and all processes that it is. */
async function startFailing(how: string, ranks: string): Promise<{ policy: Policy; processes: number[] }> {
  const worker = await openWorker([...torchrun, program, how, ranks], { ...shapesSettings, rowsPerPass: 1 });
  const launcher = parentOf(worker.hello.pid);
  const processes = [launcher, ...childrenOf(launcher)];
  expect(processes).toHaveLength(3);
  return { policy: createTorchPolicy(worker), processes };
}

async function replay(policy: Policy) {
  const table = kernelTable({ kernel: 'sage', steps: 2, shift: 3, eta: 0.5 });
  const trainedSteps = exploredSteps(table);
  const { handle } = await policy.rollout({ samples, table, trainedSteps, guidance: 1, trainGuidance: true });
  return replayed(policy, {
    handle,
    samples: [0, 1],
    step: trainedSteps[0],
    advantages_M: [1, -1],
    equalizer: 1,
    clipRange: 1e-4,
    beta: 0,
    anchorWeight: 1,
    stepwiseWeight: 0,
    stepwiseEstimator: 'k3',
    useAnchor: false,
    measureReference: false,
    gradientScale: 1,
  });
}

describe('one of two processes that fails while the other waits for it', () => {
  needsTorch();

  test.each([
    {
      how: 'memory',
      rank: '1',
      fault: {
        code: 'worker/memory',
        message: expect.stringMatching(/while the worker computed a gradient: Rank 1 of 2: OutOfMemoryError: CUDA out/),
        remedy: expect.stringContaining('training.micro_batch'),
      },
    },
    {
      how: 'user',
      rank: '0',
      fault: {
        code: 'policy/test',
        message: 'Rank 0 of 2: The weights are of another model.',
        remedy: 'Name others.',
      },
    },
    {
      how: 'killed',
      rank: '1',
      fault: {
        code: 'worker/killed',
        message: expect.stringMatching(/^Rank 1 was killed\. The worker ended .*while it computed a gradient/),
        remedy: expect.stringContaining('memory ran out'),
      },
    },
  ])('is what the trainer is told of: rank $rank, $how; nobody is left', async ({ how, rank, fault }) => {
    const { policy, processes } = await startFailing(how, rank);
    await expect(replay(policy)).rejects.toMatchObject(fault);
    // By themselves, before anybody ends them.
    for (const pid of processes) await until(() => !isAlive(pid), 20);
    await policy.dispose();
  });

  test('and that fails with the other, together, is answered, and the worker goes on', async () => {
    const { policy, processes } = await startFailing('memory', 'all');
    for (let i = 0; i < 3; i++) await expect(replay(policy)).rejects.toMatchObject({ code: 'worker/memory' });
    expect(
      (
        await policy.optimStep({
          learningRate: 1,
          weightDecay: 0,
          beta1: 0.9,
          beta2: 0.99,
          epsilon: 1e-8,
          maxGradientNorm: 1,
        })
      ).gradientNorm,
    ).toBe(0);
    await policy.dispose();
    for (const pid of processes) await until(() => !isAlive(pid), 20);
  });
});
