import { describe, expect, it } from 'vitest';
import { createHealth } from '../../../engine/health/health.ts';
import { eventSchema } from '../../../engine/run/events.ts';
import { configOf, healthyShape, runEvents, type RunShape } from '../../support/run-events.ts';

/** Everything that is found at any time of a healthy run; findings are asked for after every `every`-th event. */
function alarms(shape: RunShape, every: number): string[] {
  const health = createHealth(configOf(shape));
  const found = new Set<string>();
  const events = runEvents(shape);
  events.forEach((event, i) => {
    health.add(event);
    if (i % every > 0 && i < events.length - 1) return;
    for (const { code, evidence } of health.findings('running'))
      found.add(`seed ${shape.seed}, iteration ${event.iteration}: ${code}: ${evidence}`);
  });
  return [...found];
}

describe('healthy runs give no finding, whenever one looks', () => {
  it.each([
    [1, 60, 1],
    [5, 60, 1],
    [30, 80, 1],
    [300, 60, 3],
    [3000, 12, 40],
  ])('%d iterations, %d runs', (iterations, runs, every) => {
    const seeds = Array.from({ length: runs }, (_, i) => 10_000 * i + iterations);
    expect(seeds.flatMap((seed) => alarms(healthyShape(seed, { iterations }), every))).toEqual([]);
  });

  it('runs that reached a plateau near the ceiling', () => {
    const seeds = Array.from({ length: 20 }, (_, i) => i);
    const plateau = (seed: number) =>
      healthyShape(seed, { iterations: 400, pace: 20, closes: 0.75 + 0.01 * seed, evaluateEvery: 10 });
    expect(seeds.flatMap((seed) => alarms(plateau(seed), 5))).toEqual([]);
  });

  it('runs that learned in few iterations and then stayed for thousands, never evaluated', () => {
    const learned = (seed: number) =>
      healthyShape(seed, {
        iterations: 4000,
        pace: 10 + 2 * seed,
        gain: 1,
        closes: null,
        evaluateEvery: 0,
        steps: 2,
        stepsPerIteration: 2,
      });
    expect([1, 2, 3, 4, 5, 6].flatMap((seed) => alarms(learned(seed), 40))).toEqual([]);
  });

  it('a run of a few prompts and little noise, a run of one step, a slow learner', () => {
    const shapes = [
      healthyShape(1, { iterations: 300, prompts: 1, generations: 4, promptSpread: 0.05 }),
      healthyShape(2, { iterations: 300, steps: 1, stepsPerIteration: 1 }),
      healthyShape(3, { iterations: 300, pace: 200, gain: 1.2, spread: 1 }),
    ];
    expect(shapes.flatMap((shape) => alarms(shape, 1))).toEqual([]);
  });

  it('the invented runs are valid by the schema of events', () => {
    for (const seed of [1, 2, 3])
      for (const event of runEvents(healthyShape(seed, { iterations: 40 })))
        expect(eventSchema.parse(event)).toEqual(event);
  });
});
