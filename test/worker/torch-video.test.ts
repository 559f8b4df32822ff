import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import {
  eventsOf,
  historyOf,
  onlyRun,
  pause,
  recordOf,
  sage,
  start,
  sumsOf,
  temporaryFolder,
  trained,
  until,
  weightsOf,
  type Running,
} from '../e2e/support.ts';
import { findPython } from '../../engine/python.ts';
import { kernelTable } from '../../engine/method/kernels.ts';
import { createTorchPolicy } from '../../engine/policy/torch/torch-policy.ts';
import { openWorker } from '../../engine/policy/torch/worker.ts';
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

/** A config of three iterations on the tiny model beside it. */
function hunyuanConfig(folder: string, blocks: Record<string, unknown> = {}): string {
  const config = {
    name: 'tiny',
    seed: 7,
    policy: {
      model: 'hunyuan-video-1.5',
      weights: model,
      precision: 'bf16',
      adapter: { kind: 'lora', rank: 4, alpha: 8 },
    },
    prompts: ['a red circle', 'a sign that says "stop"'],
    sampling: { steps: 3, frames: 9, height: 16, width: 16, guidance: 2 },
    rollout: { prompts_per_iteration: 2, generations: 2 },
    reward: { model: null, python: 'my_rewards.py:score', weights: { light: 1, motion: 1 } },
    training: { iterations: 3, micro_batch: 2, learning_rate: 1e-3 },
    evaluation: { every: 0, videos_per_prompt: 1, max_videos: 2, steps: 3 },
    checkpoints: { every: 1, keep: 4 },
    videos: { every: 1, evaluation: 1 },
    trust_region: { anchor: { mode: 'moving', interval: 3 } },
    ...blocks,
  };
  writeFileSync(path.join(folder, 'my_rewards.py'), reward);
  const file = path.join(folder, 'tiny.sage.yaml');
  writeFileSync(file, JSON.stringify(config, null, 2));
  return file;
}

let model = '';
let uninterrupted = '';

describe('a run of the tiny HunyuanVideo-1.5', () => {
  beforeAll(async () => {
    if (found.python === null) return;
    const folder = temporaryFolder();
    process.env.SAGE_CACHE = path.join(folder, 'cache');
    model = path.join(folder, 'model');
    const maker = path.join(import.meta.dirname, 'python', 'tiny.py');
    execFileSync(python, [maker, 'hunyuan-video-1.5', model], { stdio: 'ignore' });
    uninterrupted = await trained(hunyuanConfig(folder), path.join(folder, 'runs'));
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
      const folder = temporaryFolder();
      const parent = path.join(folder, 'runs');
      const events = eventsOf(uninterrupted);
      const all = events.length;
      const gap = (Date.parse(events.at(-1)!.time as string) - Date.parse(events[0].time as string)) / all;
      let trainer = start(['train', hunyuanConfig(folder), '--runs', parent]);
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
      expect(weightsOf(runFolder, 3)).toEqual(weightsOf(uninterrupted, 3));
      expect(historyOf(runFolder)).toEqual(historyOf(uninterrupted));
      expect(sumsOf(path.join(runFolder, 'rollouts'))).toEqual(sumsOf(path.join(uninterrupted, 'rollouts')));
      expect(recordOf(runFolder)).toMatchObject({ status: 'finished', message: null });
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
          /smaller training\.micro_batch.*activation_checkpointing.*fewer sampling\.frames.*lora.*devices/,
        ),
      });
    } finally {
      await worker.close();
    }
  });
});

async function killWorker(trainer: Running): Promise<void> {
  const { stdout } = spawnSync('ps', ['-o', 'pid=', '--ppid', String(trainer.pid)], { encoding: 'utf8' });
  for (const pid of stdout.split('\n').filter(Boolean)) process.kill(Number(pid), 'SIGKILL');
  expect(await trainer.ended).toMatchObject({ code: 1, stderr: expect.stringContaining('error[worker/killed]') });
}

async function killTrainer(trainer: Running): Promise<void> {
  trainer.child.kill('SIGKILL');
  expect(await trainer.ended).toMatchObject({ signal: 'SIGKILL' });
}
