import { describe, expect, test } from 'vitest';
import { analyseText } from '../../../engine/config/analyse.ts';
import type { Config } from '../../../engine/config/schema.ts';
import { forwardFlops, totalFlops, trainingFlops } from '../../../engine/config/estimate/flops.ts';
import { latentOf, modelFacts, tokensOf } from '../../../engine/config/estimate/models.ts';
import { seenVideo } from '../../../engine/config/estimate/scoring.ts';
import { workFlops } from '../../../engine/config/estimate/time.ts';
import { workloadOf } from '../../../engine/config/estimate/workload.ts';
import { timesDue } from '../../../engine/config/plan.ts';
import { planUpdates } from '../../../engine/training/batch.ts';
import { exploredSteps } from '../../../engine/method/kernels.ts';
import { rolloutTable } from '../../../engine/training/settings.ts';

const configOf = (model: string, ...overrides: string[]): Config => {
  const text = model === 'shapes' ? 'policy: { model: shapes }\n' : `policy: { model: ${model} }\nprompts: [a boat]\n`;
  return analyseText(text, { overrides }).config!;
};

describe('tokens of a video', () => {
  const hunyuan = modelFacts('hunyuan-video-1.5');
  test.each([
    [352, 624, 81, 18_018],
    [480, 848, 81, 33_390],
    [480, 848, 121, 49_290],
    [720, 1280, 121, 111_600],
  ])('HunyuanVideo-1.5 at %i×%i×%i has %i', (height, width, frames, tokens) => {
    expect(tokensOf(hunyuan, { height, width, frames }).video).toBe(tokens);
  });

  test('Wan2.1 at 480×832×81 has 32,760, Shapes 16', () => {
    expect(tokensOf(modelFacts('wan-2.1'), { height: 480, width: 832, frames: 81 }).video).toBe(32_760);
    const shapes = { height: 32, width: 32, frames: 8 };
    expect(tokensOf(modelFacts('shapes'), shapes).video).toBe(16);
    expect(latentOf(modelFacts('shapes'), shapes)).toEqual({ channels: 12, frames: 4, rows: 4, columns: 4 });
  });

  test('VideoAlign sees six frames of 336×588 of 480×848×81 at 24 frames a second', () => {
    expect(seenVideo({ height: 480, width: 848, frames: 81 }, 24)).toEqual({ frames: 6, height: 336, width: 588 });
  });
});

describe('floating-point operations', () => {
  const { network } = modelFacts('hunyuan-video-1.5');
  const tokens = tokensOf(modelFacts('hunyuan-video-1.5'), { height: 352, width: 624, frames: 81 });
  const forward = forwardFlops(network, tokens, null);

  test('of the blocks are two a weight and token, and those of attention grow with the square of the tokens', () => {
    const blocks = 54 * 2 * 12 * 2048 ** 2 * (18_018 + 128);
    expect(forward.linear / blocks).toBeCloseTo(1, 2);
    expect(forward.attention / (54 * 4 * 2048 * (18_018 + 128) ** 2)).toBeCloseTo(1, 4);
    const twice = forwardFlops(network, { ...tokens, video: 2 * tokens.video, text: 2 * tokens.text }, null);
    expect(twice.attention).toBe(4 * forward.attention);
  });

  test('of a training step are three forward passes, with checkpointing four; frozen layers save one', () => {
    const total = totalFlops(forward);
    expect(trainingFlops(forward, { frozen: false, recomputed: false })).toBe(3 * total);
    expect(trainingFlops(forward, { frozen: false, recomputed: true })).toBe(4 * total);
    expect(trainingFlops(forward, { frozen: true, recomputed: true })).toBe(4 * total - forward.linear);
  });

  test('double with guidance, in rollouts and in training, and with every velocity to compare with', () => {
    const of = (...overrides: string[]) => {
      const config = configOf('wan-2.1', 'training.micro_batch=1', ...overrides);
      return workFlops(config, workloadOf(config));
    };
    const plain = of('sampling.guidance=1');
    expect(of('sampling.guidance=5').replay).toBe(2 * plain.replay);
    expect(of('sampling.guidance=5', 'sampling.train_guidance=false').replay).toBe(plain.replay);
    const alone = of('sampling.guidance=1', 'trust_region.anchor.mode=none');
    expect(plain.replay - alone.replay).toBe(plain.forward);
  });
});

describe('the work of an iteration is what the trainer plans', () => {
  test.each([
    ['as usual', []],
    ['a last micro-batch that is smaller', ['training.micro_batch=12', 'training.accumulation=5']],
    ['a window and few steps', ['exploration.window={first: 2, last: 6}', 'training.steps_per_sample=3']],
    ['noise in the last step', ['exploration.last_step=noise']],
    ['micro-batches larger than the batch', ['training.micro_batch=4096']],
  ])('%s', (_, overrides) => {
    const config = configOf('shapes', ...overrides);
    const work = workloadOf(config);
    const steps = exploredSteps(rolloutTable(config));
    const updates = planUpdates(config, steps, new Array<number>(work.rollouts).fill(1), 1);
    const replays = updates.flat().flatMap((group) => group.replays);
    expect(work).toMatchObject({ updates: updates.length, microBatches: replays.length, explored: steps.length });
    expect(work.replaysPerRank).toBe(replays.reduce((sum, { samples }) => sum + samples.length, 0));
  });

  test('devices take other samples, unless they share a video', () => {
    const config = configOf('hunyuan-video-1.5', 'policy.devices=16', 'policy.sequence_parallel=2');
    const work = workloadOf({ ...config, rollout: { prompts_per_iteration: 8, generations: 4 } });
    expect(work).toMatchObject({ ranks: 8, rollouts: 32, rolloutsPerRank: 4 });
  });
});

test('something is due before the first iteration, after the last and every so many', () => {
  const times = (iterations: number, every: number) => {
    let count = 1;
    for (let i = 1; i <= iterations; i++) if (i === iterations || (every > 0 && i % every === 0)) count += 1;
    return count;
  };
  for (const iterations of [1, 2, 9, 10, 11, 80])
    for (const every of [0, 1, 3, 10, 100]) {
      const config = configOf('shapes', `training.iterations=${iterations}`, `evaluation.every=${every}`);
      expect(timesDue(config, 'evaluation')).toBe(times(iterations, every));
    }
});
