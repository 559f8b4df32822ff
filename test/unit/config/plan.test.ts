import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkText } from '../../../engine/config/load.ts';
import {
  isDue,
  planIteration,
  plannedTable,
  plannedVideoFiles,
  rowsPerPass,
  timesDue,
  videosOfEvaluation,
  type Recurring,
} from '../../../engine/config/plan.ts';
import { configSchema, type Config } from '../../../engine/config/schema.ts';
import { planUpdates } from '../../../engine/training/batch.ts';
import { evaluationSamples } from '../../../engine/training/evaluation.ts';

function configOf(text: string): Config {
  const { config, diagnostics } = checkText(text);
  if (!config) throw new Error(JSON.stringify(diagnostics));
  return config;
}

describe('what comes round in a run', () => {
  const interval = fc.nat(12);
  const runs = fc.record({ iterations: fc.integer({ min: 1, max: 30 }), every: interval });

  it.each(['evaluation', 'checkpoints', 'videos'] as Recurring[])('is counted as often as it is due: %s', (what) => {
    fc.assert(
      fc.property(runs, ({ iterations, every }) => {
        const config = configSchema.parse({ training: { iterations }, [what]: { every } });
        const due = Array.from({ length: iterations }, (_, i) => isDue(config, what, i + 1)).filter(Boolean).length;
        expect(timesDue(config, what)).toBe(due + (what === 'videos' ? 0 : 1));
      }),
    );
  });

  it('includes the last iteration whatever the interval, and the first for videos', () => {
    const config = configOf('training: {iterations: 7}\nevaluation: {every: 3}\nvideos: {every: 3}\n');
    const when = (what: Recurring) => [1, 2, 3, 4, 5, 6, 7].filter((iteration) => isDue(config, what, iteration));
    expect(when('evaluation')).toEqual([3, 6, 7]);
    expect(when('videos')).toEqual([1, 3, 6, 7]);
  });
});

describe('the division of an iteration', () => {
  it('has the replays and updates that the trainer plans', () => {
    const sizes = fc.record({
      prompts: fc.constantFrom(2, 4, 6),
      generations: fc.constantFrom(2, 4),
      micro_batch: fc.constantFrom(1, 2, 4),
      accumulation: fc.constantFrom(1, 2, 3),
      steps_per_sample: fc.constantFrom(null, 2, 3),
      last: fc.constantFrom(4, 6),
    });
    let planned = 0;
    fc.assert(
      fc.property(sizes, ({ prompts, generations, last, ...training }) => {
        const config = configSchema.parse({
          rollout: { prompts_per_iteration: prompts, generations },
          training,
          exploration: { window: { first: 1, last } },
        });
        const plan = planIteration(config);
        const explored = plannedTable(config)!.steps.flatMap((step, k) => (step.explored ? [k] : []));
        const advantages = Array.from({ length: prompts * generations }, () => 1);
        const updates = planUpdates(config, explored, advantages, 1).map((groups) =>
          groups.flatMap(({ replays }) => replays),
        );
        const whole =
          updates.every((update) => update.length === training.accumulation) &&
          updates.flat().every(({ samples }) => samples.length === training.micro_batch);
        expect(plan !== null).toBe(whole);
        if (plan === null) return;
        planned++;
        expect(plan).toMatchObject({ updates: updates.length, replays: updates.flat().length, explored });
        const samples = updates[0].reduce((sum, replay) => sum + replay.samples.length, 0);
        expect(plan.effectiveBatch).toBe(samples);
      }),
      { seed: 7, numRuns: 200 },
    );
    expect(planned).toBeGreaterThan(20);
  });

  it('counts every rank of a run on many devices', () => {
    const config = configSchema.parse({
      policy: { devices: 64, sequence_parallel: 2 },
      sampling: { steps: 20, shift: 5 },
      rollout: { prompts_per_iteration: 8, generations: 4 },
      training: { micro_batch: 1, accumulation: 19 },
    });
    expect(planIteration(config)).toMatchObject({ ranks: 32, replays: 19, updates: 1, effectiveBatch: 19 * 32 });
  });
});

it('the videos of an evaluation are those that it samples', () => {
  for (const [prompts, each, most] of [
    [72, 2, 144],
    [16, 4, 10],
    [3, 1, 144],
  ]) {
    const config = configSchema.parse({ evaluation: { videos_per_prompt: each, max_videos: most } });
    const evaluationPrompts = Array.from({ length: prompts }, (_, i) => `prompt ${i}`);
    expect(videosOfEvaluation(config, prompts)).toBe(evaluationSamples({ config, evaluationPrompts }).length);
  }
});

it('the files of a run are counted by iterations, groups and evaluations', () => {
  const config = configOf(
    'training: {iterations: 10}\nvideos: {every: 4, per_prompt: 3, evaluation: 24}\nevaluation: {every: 5}\n',
  );
  // Iterations 1, 4, 8 and 10, of 4 prompts each; evaluations before training and after 5 and 10.
  expect(plannedVideoFiles(config, 72)).toEqual({ rollouts: 4 * 4 * 3, evaluations: 3 * 24 });
  expect(plannedVideoFiles({ ...config, videos: { ...config.videos, every: 0 } }, 72)).toEqual({
    ...{ rollouts: 0, evaluations: 0 },
  });
});

describe('rows of a pass', () => {
  const rows = (training: Partial<Config['training']>, rollout: Partial<Config['rollout']> = {}, devices = 1) => {
    const base = configOf('{}');
    const counts = { prompts_per_iteration: 16, generations: 4, ...rollout };
    const policy = { ...base.policy, devices };
    return rowsPerPass({
      ...base,
      policy,
      rollout: { ...base.rollout, ...counts },
      training: { ...base.training, ...training },
    });
  };

  it('are those of a micro-batch, in as many passes of equal size as it takes', () => {
    const found = [1, 2, 15, 16, 17, 20, 32, 33].map((micro_batch) => rows({ micro_batch }));
    expect(found).toEqual([1, 2, 15, 16, 9, 10, 16, 11]);
  });

  it('are more where replays of several steps share a pass, but no more than a rank samples', () => {
    const shared = { micro_batch: 1, accumulation: 12, measure_gradient: 'first' as const };
    expect(rows(shared)).toBe(12);
    expect(rows({ ...shared, accumulation: 40 })).toBe(14);
    expect(rows({ ...shared, measure_gradient: 'all' })).toBe(1);
    expect(rows(shared, {}, 16)).toBe(4);
    expect(rows(shared, { prompts_per_iteration: 2 })).toBe(8);
  });
});
