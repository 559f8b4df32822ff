import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, test } from 'vitest';
import {
  checkpointsOf,
  eventsOf,
  historyOf,
  onlyRun,
  pause,
  recordOf,
  sage,
  start,
  sumsOf,
  temporaryFolder,
  weightsOf,
} from '../e2e/support.ts';
import { childrenOf } from './processes.ts';
import { needsTorch, python } from './torch.ts';

const run = promisify(execFile);
const example = path.resolve(import.meta.dirname, '../../examples/hunyuan-video-1.5-lora.sage.yaml');

/** What makes the example small; all else is as it stands: bf16, guidance 6, LoRA, VideoAlign, held-out metrics. */
const small = {
  'policy.devices': 1,
  'policy.adapter.rank': 4,
  'sampling.steps': 5,
  'sampling.frames': 9,
  'sampling.height': 16,
  'sampling.width': 16,
  'exploration.window': { first: 0, last: 2 },
  'rollout.prompts_per_iteration': 2,
  'rollout.generations': 2,
  'training.iterations': 3,
  'training.micro_batch': 2,
  'training.accumulation': 2,
  'trust_region.anchor.interval': 2,
  'evaluation.every': 2,
  'evaluation.steps': 3,
  'evaluation.max_videos': 2,
  'checkpoints.every': 1,
  'videos.every': 1,
};

/** Names of the packages that the torch policy trains this model with. */
const packages = ['diffusers', 'transformers', 'peft', 'av'];
const lacking = await run(python, ['-c', `import ${packages.join(', ')}`]).then(
  () => null,
  () => `no Python here has ${packages.join(', ')} (sage-grpo setup-torch --cpu)`,
);

let parts = '';
let reference = '';

function argv(runs: string): string[] {
  const settings = {
    ...small,
    'policy.weights': path.join(parts, 'hunyuan'),
    'reward.checkpoints.videoalign': path.join(parts, 'VideoReward'),
    'reward.checkpoints.clipscore': path.join(parts, 'clip'),
    'reward.checkpoints.pickscore': path.join(parts, 'pick'),
  };
  const set = Object.entries(settings).flatMap(([key, value]) => ['--set', `${key}=${JSON.stringify(value)}`]);
  return ['train', example, '--runs', runs, ...set];
}

describe('the example of HunyuanVideo-1.5 with LoRA, on tiny weights', () => {
  needsTorch();
  beforeAll(async () => {
    if (lacking !== null) return;
    parts = temporaryFolder();
    await run(python, [path.join(import.meta.dirname, 'python', 'write_tiny.py'), parts]);
    const runs = path.join(temporaryFolder(), 'runs');
    const { code, text } = await sage(argv(runs));
    expect(code, text).toBe(0);
    reference = onlyRun(runs);
  });

  test('trains three iterations whose first replay has a ratio of exactly 1, with all that is to be observed', (context) => {
    if (lacking !== null) return context.skip(lacking);
    const iterations = eventsOf(reference).filter(({ kind }) => kind === 'iteration');
    expect(iterations).toHaveLength(3);
    for (const iteration of iterations) {
      expect(iteration).toMatchObject({
        firstReplayRatioDeviation: 0,
        unscored: 0,
        skippedUpdates: 0,
        components: { VQ: expect.any(Number), MQ: expect.any(Number), TA: expect.any(Number) },
        raw: { VQ: expect.any(Number), MQ: expect.any(Number), TA: expect.any(Number) },
        heldOut: { clipscore: expect.any(Number), pickscore: expect.any(Number) },
      });
      const steps = iteration.steps as Record<string, number>[];
      expect(steps.map(({ k }) => k)).toEqual([0, 1, 2]);
      for (const { gradientNorm, driftReference } of steps) {
        expect(gradientNorm).toBeGreaterThan(0);
        expect(driftReference).toBeGreaterThanOrEqual(0);
      }
    }
    // The policy has left the pre-trained model, and the anchor, refreshed every second update, is behind it.
    const last = iterations.at(-1)!.steps as Record<string, number>[];
    expect(Math.min(...last.map(({ driftReference }) => driftReference))).toBeGreaterThan(0);
    expect(Math.max(...last.map(({ klAnchor }) => klAnchor))).toBeGreaterThan(0);
    expect(iterations.map(({ anchorRefreshes }) => anchorRefreshes)).not.toContain(0);
  });

  test('leaves videos, posters and adapters that the same `inspect` shows', async (context) => {
    if (lacking !== null) return context.skip(lacking);
    const files = Object.keys(sumsOf(reference));
    for (const name of ['p00-g0', 'p00-g1', 'p01-g0', 'p01-g1'])
      for (const kind of ['mp4', 'png']) expect(files).toContain(`rollouts/000003/${name}.${kind}`);
    expect(checkpointsOf(reference)).toEqual([1, 2, 3]);
    expect(Object.keys(weightsOf(reference, 3))).toEqual([
      'adapter/pytorch_lora_weights.safetensors',
      'anchor/pytorch_lora_weights.safetensors',
      'optimizer.safetensors',
      'rng.safetensors',
    ]);
    const { code, stdout } = await sage(['inspect', reference]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/iterations {2}3 of 3, 9 updates/);
    expect(stdout).toMatch(/first +0 .*\n(?:.*\n)*last +3 /);
  });

  test('killed at random moments, trainer or worker, it resumes to the same bits', async (context) => {
    if (lacking !== null) return context.skip(lacking);
    const runs = path.join(temporaryFolder(), 'runs');
    const [first, last] = [eventsOf(reference)[0], eventsOf(reference).at(-1)!];
    const milliseconds = Date.parse(last.time as string) - Date.parse(first.time as string);
    const moments = { worker: Math.random(), trainer: Math.random() };
    const when = `killed at ${JSON.stringify(moments)} of ${milliseconds} ms`;
    let trainer = start(argv(runs));
    for (const victim of ['worker', 'trainer'] as const) {
      await trainer.prints('run folder:');
      await pause(moments[victim] * milliseconds);
      // On a machine that has become faster the run may be over: then there is nothing left to kill.
      if (!trainer.alive()) break;
      const [worker] = childrenOf(trainer.pid);
      process.kill(victim === 'worker' && worker !== undefined ? worker : trainer.pid, 'SIGKILL');
      await trainer.ended;
      trainer = start(['resume', onlyRun(runs)]);
    }
    const { code, text } = await trainer.ended;
    expect(code, `${when}: ${text}`).toBe(0);
    const resumed = onlyRun(runs);
    expect(recordOf(resumed)).toMatchObject({ status: 'finished', message: null });
    expect(weightsOf(resumed, 3), when).toEqual(weightsOf(reference, 3));
    expect(historyOf(resumed), when).toEqual(historyOf(reference));
    expect(sumsOf(path.join(resumed, 'rollouts'))).toEqual(sumsOf(path.join(reference, 'rollouts')));
  });
});
