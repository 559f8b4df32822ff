import { execFileSync } from 'node:child_process';
import { chmodSync, readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import {
  eventsOf,
  expectSameRun,
  onlyRun,
  pause,
  sage,
  start,
  sumsOf,
  temporaryFolder,
  until,
  weightsOf,
  type Running,
} from '../e2e/support.ts';
import { findPython } from '../../engine/python.ts';
import { kernelTable } from '../../engine/method/kernels.ts';
import { createTorchPolicy } from '../../engine/policy/torch/torch-policy.ts';
import { openWorker } from '../../engine/policy/torch/worker.ts';
import { childrenOf } from './processes.ts';
import { python, shapesSettings } from './torch.ts';

/** What the worker needs for real video generators. */
const found = await findPython([
  'torch',
  'safetensors',
  'diffusers',
  'transformers',
  'peft',
  'accelerate',
  'av',
  'pillow',
]);

const reward = `
import numpy as np

def score(video):
    pixels = video.pixels.astype(np.float32) / 255
    return {"light": float(pixels.mean()), "motion": float(np.abs(np.diff(pixels, axis=0)).mean())}
`;

const example = path.resolve(import.meta.dirname, '../../examples/hunyuan-video-1.5-lora.sage.yaml');

/** What makes the example small; all else is as it stands: bf16, guidance 6, LoRA, VideoAlign, held-out metrics. */
const small = {
  'policy.adapter.rank': 4,
  'sampling.steps': 4,
  'sampling.frames': 9,
  'sampling.height': 16,
  'sampling.width': 16,
  'exploration.window': { first: 0, last: 1 },
  'rollout.generations': 2,
  'training.iterations': 3,
  'training.micro_batch': 2,
  'training.accumulation': 1,
  'trust_region.anchor.interval': 3,
  'evaluation.every': 0,
  'evaluation.steps': 3,
  'evaluation.max_videos': 2,
  'checkpoints.every': 1,
  'checkpoints.keep': 4,
  'videos.every': 1,
  'reward.weights': { light: 1, motion: 1 },
};

/** Arguments that train the example on the tiny parts, with a reward of one's own beside VideoAlign. */
function training(runs: string): string[] {
  const settings = {
    ...small,
    'policy.weights': model,
    'reward.python': path.join(parts, 'my_rewards.py:score'),
    'reward.checkpoints.videoalign': path.join(parts, 'VideoReward'),
    'reward.checkpoints.clipscore': path.join(parts, 'clip'),
    'reward.checkpoints.pickscore': path.join(parts, 'pick'),
  };
  const set = Object.entries(settings).flatMap(([key, value]) => ['--set', `${key}=${JSON.stringify(value)}`]);
  return ['train', example, '--runs', runs, ...set];
}

let parts = '';
let model = '';
let uninterrupted = '';

test('a released model is refused on a machine without a GPU, before a download or a run', async (context) => {
  if (found.python === null) return context.skip(`no Python here has all of it: ${JSON.stringify(found.tried)}`);
  const folder = temporaryFolder();
  // Nothing may come from here: a download would fail with another error.
  const env = { CUDA_VISIBLE_DEVICES: '', HF_HOME: path.join(folder, 'hub'), HF_ENDPOINT: 'http://127.0.0.1:9' };
  const { code, stderr } = await sage(['train', example, '--runs', path.join(folder, 'runs')], { env });
  expect(stderr).toContain('error[policy/no-gpu]: PyTorch finds no GPU on this machine');
  expect(stderr).toContain('HunyuanVideo-1.5-Diffusers-480p_t2v would have to be downloaded');
  expect(stderr).toContain('the doctor says what this one lacks');
  expect(code).toBe(1);
  expect(readdirSync(folder)).toEqual([]);
});

describe('a run of the example of HunyuanVideo-1.5, on tiny weights', () => {
  beforeAll(async () => {
    if (found.python === null) return;
    parts = temporaryFolder();
    process.env.SAGE_CACHE = path.join(parts, 'cache');
    model = path.join(parts, 'hunyuan');
    execFileSync(python, [path.join(import.meta.dirname, 'python', 'write_tiny.py'), parts], { stdio: 'ignore' });
    writeFileSync(path.join(parts, 'my_rewards.py'), reward);
    const folder = path.join(temporaryFolder(), 'runs');
    const { code, text } = await sage(training(folder));
    expect(code, text).toBe(0);
    uninterrupted = onlyRun(folder);
  });
  const runs = (name: string, body: () => Promise<void>) =>
    test(name, async (context) => {
      if (found.python === null) return context.skip(`no Python here has all of it: ${JSON.stringify(found.tried)}`);
      await body();
    });

  runs(
    'trains a LoRA by SAGE-GRPO: exact replay, an anchor that moves, drift that is measured, videos that are there',
    async () => {
      const iterations = eventsOf(uninterrupted).filter(({ kind }) => kind === 'iteration') as unknown as {
        firstReplayRatioDeviation: number;
        updates: number;
        anchorRefreshes: number;
        unscored: number;
        peakMemory: number;
        steps: { k: number; gradientNorm: number; driftReference: number | null; driftAnchor: number }[];
      }[];
      expect(iterations.map(({ updates }) => updates)).toEqual([4, 8, 12]);
      expect(iterations.map(({ anchorRefreshes }) => anchorRefreshes)).toEqual([1, 1, 2]);
      for (const { firstReplayRatioDeviation, unscored, steps, peakMemory } of iterations) {
        expect({ firstReplayRatioDeviation, unscored }).toEqual({ firstReplayRatioDeviation: 0, unscored: 0 });
        expect(steps.map(({ k }) => k)).toEqual([0, 1]);
        expect(steps.every(({ gradientNorm }) => gradientNorm > 0)).toBe(true);
        expect(peakMemory).toBeGreaterThan(2 ** 20);
      }
      // It begins at the pre-trained model and leaves it.
      expect(iterations[0].steps.some(({ driftReference }) => driftReference === 0)).toBe(true);
      expect(iterations[2].steps.every(({ driftReference }) => driftReference! > 0)).toBe(true);
      const videos = Object.keys(sumsOf(path.join(uninterrupted, 'rollouts')));
      expect(videos).toHaveLength(3 * 4 * 2);
      const measured = {
        components: numbers('VQ', 'MQ', 'TA', 'light', 'motion'),
        raw: numbers('VQ', 'MQ', 'TA'),
        heldOut: numbers('clipscore', 'pickscore'),
      };
      expect(iterations).toMatchObject([measured, measured, measured]);
      expect(Object.keys(weightsOf(uninterrupted, 3)).sort()).toEqual([
        'adapter/pytorch_lora_weights.safetensors',
        'anchor/pytorch_lora_weights.safetensors',
        'optimizer.safetensors',
        'rng.safetensors',
      ]);
      const { code, stdout } = await sage(['inspect', uninterrupted, '--json']);
      expect(code).toBe(0);
      expect(JSON.parse(stdout)).toMatchObject({ status: 'finished' });
    },
  );

  runs(
    'whose worker and then whose trainer is killed at some moment, and that is resumed, equals an uninterrupted one to the bit',
    async () => {
      const parent = path.join(temporaryFolder(), 'runs');
      const events = eventsOf(uninterrupted);
      const all = events.length;
      const gap = (Date.parse(events.at(-1)!.time as string) - Date.parse(events[0].time as string)) / all;
      let trainer = start(training(parent));
      await trainer.prints('run folder:');
      const runFolder = onlyRun(parent);
      for (const [share, kill] of [
        [0.35, killWorker],
        [0.6, killTrainer],
      ] as const) {
        await until(() => !trainer.alive() || eventsOf(runFolder).length >= share * all);
        await pause(Math.random() * gap);
        await kill(trainer);
        await trainer.ended;
        trainer = start(['resume', runFolder]);
        await trainer.prints(/resumed after|starting over/);
      }
      expect(await trainer.ended).toMatchObject({ code: 0 });
      expectSameRun(runFolder, uninterrupted);
    },
  );

  runs('that wants more memory than there is says so, with what would need less', async () => {
    const limited = path.join(temporaryFolder(), 'python');
    // Sixteen gigabytes of addresses: Python and its libraries fit, the latents of this video do not.
    writeFileSync(limited, `#!/bin/sh\nulimit -v 16000000\nexec ${JSON.stringify(python)} "$@"\n`);
    chmodSync(limited, 0o755);
    const worker = await openWorker([limited, '-m', 'sage_worker'], {
      ...shapesSettings,
      model: 'hunyuan-video-1.5',
      weights: model,
      sampling: { frames: 4001, height: 4096, width: 4096 },
    });
    try {
      const table = kernelTable({ kernel: 'sage', steps: 3, shift: 5, eta: 0.5 });
      const key = { seed: 1, stream: 0, iteration: 1, prompt: 0, generation: 0 };
      const samples = [{ prompt: 'a red circle', key }];
      const rollout = createTorchPolicy(worker).rollout({
        samples,
        table,
        trainedSteps: [0],
        guidance: 1,
        trainGuidance: true,
      });
      await expect(rollout).rejects.toMatchObject({
        code: 'worker/memory',
        message: expect.stringContaining('Memory ran out while the worker sampled videos: '),
        remedy: expect.stringMatching(
          /resume the run with a smaller training\.micro_batch.*activation_checkpointing.*devices.*sampling\.frames.*lora.*new run/,
        ),
      });
    } finally {
      await worker.close();
    }
  });
});

/** A record that has a number under each of the names. */
function numbers(...names: string[]): Record<string, unknown> {
  return Object.fromEntries(names.map((name) => [name, expect.any(Number)]));
}

async function killWorker(trainer: Running): Promise<void> {
  for (const pid of childrenOf(trainer.pid)) process.kill(pid, 'SIGKILL');
  expect(await trainer.ended).toMatchObject({ code: 1, stderr: expect.stringContaining('error[worker/killed]') });
}

async function killTrainer(trainer: Running): Promise<void> {
  trainer.child.kill('SIGKILL');
  expect(await trainer.ended).toMatchObject({ signal: 'SIGKILL' });
}
