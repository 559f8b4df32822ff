import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { planIteration } from '../../../engine/config/plan.ts';
import { checkText } from '../../../engine/config/load.ts';
import type { Config } from '../../../engine/config/schema.ts';
import { drawBatch, planUpdates, promptsToCome, type ReplayGroup } from '../../../engine/training/batch.ts';

function configOf(text: string): Config {
  const { config, diagnostics } = checkText(text);
  if (!config) throw new Error(JSON.stringify(diagnostics));
  return config;
}

const prompts = Array.from({ length: 10 }, (_, i) => `prompt ${i}`);

describe('the prompts of an iteration', () => {
  const config = configOf('seed: 3\nrollout: {prompts_per_iteration: 5, generations: 4}\ntraining: {micro_batch: 20}');

  it('are all used once before any is used again', () => {
    const drawn = [1, 2].flatMap((iteration) =>
      drawBatch(config, prompts, iteration)
        .byGroup(samplesOf(iteration))
        .map((group) => group[0]),
    );
    expect([...drawn].sort()).toEqual([...prompts].sort());
    const later = [3, 4].flatMap((iteration) =>
      drawBatch(config, prompts, iteration)
        .byGroup(samplesOf(iteration))
        .map((group) => group[0]),
    );
    expect([...later].sort()).toEqual([...prompts].sort());
    expect(later).not.toEqual(drawn);
  });

  it('depend on the seed and the iteration alone', () => {
    expect(drawBatch(config, prompts, 7).samples).toEqual(drawBatch(config, prompts, 7).samples);
    expect(drawBatch(config, prompts, 7).samples).not.toEqual(drawBatch({ ...config, seed: 4 }, prompts, 7).samples);
  });

  it('come in the order of the file when shuffling is off', () => {
    const ordered = { ...config, prompts: { file: 'p.txt', column: 'prompt', shuffle: false } };
    const { samples } = drawBatch(ordered, prompts, 2);
    expect(samples.filter(({ key }) => key.generation === 0).map(({ prompt }) => prompt)).toEqual(prompts.slice(5));
  });

  it('are known beforehand: those that the iterations to come will draw, and no others', () => {
    for (const [iterations, done] of [
      [3, 0],
      [3, 2],
      [7, 1],
      [2, 2],
    ]) {
      const short = { ...config, training: { ...config.training, iterations } };
      const drawn = Array.from({ length: iterations - done }, (_, i) => samplesOf(done + 1 + i)).flat();
      expect(promptsToCome(short, prompts, done)).toEqual([...new Set(drawn)]);
    }
  });

  it('give every sample a generator of its own', () => {
    const keys = [1, 2, 3].flatMap((iteration) =>
      drawBatch(config, prompts, iteration).samples.map(({ key }) => JSON.stringify(key)),
    );
    expect(new Set(keys).size).toBe(60);
  });

  function samplesOf(iteration: number): string[] {
    return drawBatch(config, prompts, iteration).samples.map(({ prompt }) => prompt);
  }
});

const replaysOf = (updates: ReplayGroup[][]) => updates.map((groups) => groups.flatMap(({ replays }) => replays));

describe('the plan of updates', () => {
  it('replays every scored sample at every trained step exactly once, in micro-batches of one step', () => {
    fc.assert(
      fc.property(
        fc.record({ microBatch: fc.integer({ min: 1, max: 16 }), accumulation: fc.integer({ min: 1, max: 9 }) }),
        fc.array(fc.option(fc.double({ min: -5, max: 5, noNaN: true })), { minLength: 1, maxLength: 40 }),
        fc.uniqueArray(fc.nat(12), { minLength: 1, maxLength: 8 }),
        ({ microBatch, accumulation }, advantages, steps) => {
          const base = configOf('{}');
          const config = {
            ...base,
            training: { ...base.training, micro_batch: microBatch, accumulation, steps_per_sample: null },
          };
          const updates = replaysOf(planUpdates(config, steps, advantages, 5));
          const pairs = updates.flat().flatMap(({ samples, step }) => samples.map((i) => `${i}@${step}`));
          const scored = advantages.flatMap((advantage, i) => (advantage === null ? [] : [i]));
          expect(pairs.sort()).toEqual(scored.flatMap((i) => steps.map((k) => `${i}@${k}`)).sort());
          expect(updates.every((update) => update.length <= accumulation)).toBe(true);
          expect(updates.flat().every(({ samples }) => samples.length <= microBatch)).toBe(true);
        },
      ),
      { numRuns: 100 },
    );
  });

  it('gives every rank a whole micro-batch, as the plan of an iteration has it', () => {
    const base = configOf('{}');
    const config = {
      ...base,
      policy: { ...base.policy, backend: 'torch' as const, devices: 8, sequence_parallel: 2 },
      rollout: { ...base.rollout, prompts_per_iteration: 4, generations: 8 },
      training: { ...base.training, micro_batch: 2, accumulation: 3, steps_per_sample: null },
    };
    const { explored, ranks, replays, updates } = planIteration(config)!;
    expect(ranks).toBe(4);
    const planned = replaysOf(planUpdates(config, explored, Array<number>(32).fill(1), 1));
    expect(planned.length).toBe(updates);
    expect(planned.flat().length).toBe(replays);
    expect(planned.flat().every(({ samples }) => samples.length === 8)).toBe(true);
  });

  it('measures the drift from the pre-trained model in every replay, or once a step', () => {
    const base = configOf('{}');
    const measured = (measure_drift: 'all' | 'first') => {
      const config = { ...base, training: { ...base.training, measure_drift } };
      return planUpdates(config, [0, 2, 5], Array<number>(70).fill(1), 1)
        .flat()
        .filter((group) => group.measureReference)
        .flatMap((group) => group.replays);
    };
    expect(
      measured('first')
        .map(({ step }) => step)
        .sort(),
    ).toEqual([0, 2, 5]);
    expect(measured('all')).toHaveLength(9);
  });

  it('computes what is measured by itself and all else of an update in one go', () => {
    const base = configOf('{}');
    const planned = (measure_gradient: 'all' | 'first', measure_drift: 'all' | 'first') => {
      const training = { ...base.training, micro_batch: 4, accumulation: 6, measure_gradient, measure_drift };
      return planUpdates({ ...base, training }, [0, 2, 5], Array<number>(16).fill(1), 1);
    };
    const shape = (updates: ReplayGroup[][]) => updates.map((groups) => groups.map(({ replays }) => replays.length));
    expect(shape(planned('all', 'all'))).toEqual([Array(6).fill(1), Array(6).fill(1)]);
    expect(shape(planned('first', 'all'))).toEqual([[1, 1, 1, 3], [6]]);
    const [first, second] = planned('first', 'first');
    expect([...first, ...second].map((group) => group.measureReference)).toEqual([true, true, true, false, false]);
    expect(
      first
        .slice(0, 3)
        .map(({ replays }) => replays[0].step)
        .sort(),
    ).toEqual([0, 2, 5]);
    // The same pairs, in the same updates, whatever is measured.
    const pairs = (updates: ReplayGroup[][]) =>
      replaysOf(updates).map((replays) => replays.map((replay) => JSON.stringify(replay)).sort());
    expect(pairs(planned('first', 'first'))).toEqual(pairs(planned('all', 'all')));
  });

  it('trains only as many steps a sample as asked for, others each time', () => {
    const base = configOf('{}');
    const config = { ...base, training: { ...base.training, micro_batch: 4, accumulation: 2, steps_per_sample: 2 } };
    const advantages = Array.from({ length: 8 }, () => 1);
    const seen = new Set<number>();
    for (let iteration = 1; iteration <= 20; iteration++) {
      const replays = replaysOf(planUpdates(config, [0, 1, 2, 3, 4], advantages, iteration)).flat();
      expect(replays.length).toBe(4);
      for (const { step } of replays) seen.add(step);
    }
    expect([...seen].sort()).toEqual([0, 1, 2, 3, 4]);
  });
});
