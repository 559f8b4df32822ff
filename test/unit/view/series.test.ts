import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  appendIteration,
  appendSeries,
  emptySeries,
  foldSeries,
  maximumComponents,
  maximumSteps,
  scalarNames,
  series as seriesSchema,
  seriesOfIteration,
  type EventOf,
  type Series,
} from '../../../engine/protocol.ts';
import { accumulate } from '../../../engine/view/accumulator.ts';
import { iterationsInARow, stamped } from './iterations.ts';

type Iteration = EventOf<'iteration'>;

/** The definition: single columns one behind the other, folded when there are more than twice as many as wanted. */
function columnByColumn(events: readonly Iteration[], columns: number): Series {
  const series = emptySeries();
  for (const event of events) {
    appendSeries(series, seriesOfIteration(event));
    if (series.first.length > 2 * columns) foldSeries(series, columns);
  }
  return series;
}

function folded(series: Series, columns: number): Series {
  const copy = structuredClone(series);
  foldSeries(copy, columns);
  return copy;
}

const lengths = (series: Series) => [
  ...Object.values(series.scalars).flatMap(({ mean, min, max }) => [mean.length, min.length, max.length]),
  ...Object.values(series.stepValues).flatMap((rows) => [...rows.map((row) => row.length)]),
];

describe('a series of iterations', () => {
  test('grows by whole events as by columns of one, whatever they measure', () => {
    const property = fc.property(iterationsInARow({ minLength: 0, maxLength: 40 }), (events) => {
      const series = emptySeries();
      for (const event of events) accumulate(series, event, 8);
      expect(series).toEqual(columnByColumn(events, 8));
      expect(lengths(series).every((length) => length === series.first.length)).toBe(true);
      expect(series.first.length).toBeLessThanOrEqual(16);
    });
    fc.assert(property, { numRuns: 60 });
  });

  test('is the same in the end, folded early or late, once or often', () => {
    const cuts = fc.array(fc.integer({ min: 1, max: 120 }), { maxLength: 6 });
    const property = fc.property(fc.integer({ min: 1, max: 300 }), cuts, (iterations, cuts) => {
      const events = Array.from({ length: iterations }, (_, i) => stamped(i + 1));
      const late = emptySeries();
      for (const event of events) appendIteration(late, event);
      const early = emptySeries();
      for (const [i, event] of events.entries()) {
        appendIteration(early, event);
        if (cuts.includes(i)) foldSeries(early, 16);
      }
      const [a, b] = [folded(early, 16), folded(late, 16)];
      expect([a.first, a.last, a.steps]).toEqual([b.first, b.last, b.steps]);
      for (const name of scalarNames) {
        expect([a.scalars[name].min, a.scalars[name].max]).toEqual([b.scalars[name].min, b.scalars[name].max]);
        for (const [i, mean] of a.scalars[name].mean.entries()) expect(mean).toBeCloseTo(b.scalars[name].mean[i]!, 9);
      }
      for (const [name, rows] of Object.entries(a.stepValues))
        for (const [k, row] of rows.entries())
          for (const [i, value] of row.entries())
            if (value === null) expect(b.stepValues[name][k][i]).toBeNull();
            else expect(value).toBeCloseTo(b.stepValues[name][k][i]!, 9);
    });
    fc.assert(property, { numRuns: 40 });
  });

  test('keeps mean, least and greatest of the iterations of a column, and null where nothing was measured', () => {
    const series = emptySeries();
    const distances = [1, null, 4, null, null, null, null, null];
    for (const [i, distance] of distances.entries()) appendIteration(series, stamped(i + 1, { distance }));
    foldSeries(series, 2);
    expect([series.first, series.last]).toEqual([
      [1, 4, 8],
      [3, 7, 8],
    ]);
    expect(series.scalars.distance).toEqual({ mean: [2.5, null, null], min: [1, null, null], max: [4, null, null] });
    expect(series.stepValues.driftAnchor[0]).toEqual([null, null, null]);
  });

  test('of a run of any length has at most twice the columns, and no fewer than half', () => {
    const series = emptySeries();
    for (let i = 1; i <= 3000; i++) {
      accumulate(series, stamped(i, {}, 1), 50);
      const columns = series.first.length;
      if (i > 100) expect(columns >= 25 && columns <= 100).toBe(true);
    }
    expect(series.last.at(-1)).toBe(3000);
    expect(series.first.slice(1).every((first, i) => first === series.last[i] + 1)).toBe(true);
  });

  test('has a bounded number of component curves and of steps', () => {
    const many = Object.fromEntries(Array.from({ length: 10_000 }, (_, i) => [`c${i}`, i]));
    const series = emptySeries();
    for (const event of [stamped(1), stamped(2, { components: many }, 1000), stamped(3)])
      appendIteration(series, event);
    const components = Object.keys(series.scalars).filter((name) => name.startsWith('component:'));
    expect(components).toHaveLength(maximumComponents);
    expect(components.slice(0, 4)).toEqual(['component:VQ', 'component:MQ', 'component:TA', 'component:c0']);
    expect(series.steps.length).toBeLessThanOrEqual(maximumSteps);
    expect(series.steps.slice(0, 4)).toEqual([0, 1, 2, 4]);
    expect(series.scalars['component:c0'].mean).toEqual([null, 0, null]);
    expect(seriesSchema.parse(series)).toEqual(series);
  });

  test('has what is measured beside the reward, each family bounded by itself', () => {
    const many = Object.fromEntries(Array.from({ length: 100 }, (_, i) => [`m${i}`, i]));
    const series = emptySeries();
    for (const event of [
      stamped(1, { heldOut: { clipscore: 27 }, raw: { VQ: 4.6 } }),
      stamped(2),
      stamped(3, { heldOut: { clipscore: 26, ...many } }),
    ])
      appendIteration(series, event);
    expect(series.scalars['heldOut:clipscore'].mean).toEqual([27, null, 26]);
    expect(series.scalars['raw:VQ'].mean).toEqual([4.6, null, null]);
    expect(series.scalars['component:VQ'].mean).not.toContain(null);
    expect(Object.keys(series.scalars).filter((name) => name.startsWith('heldOut:'))).toHaveLength(maximumComponents);
    const whole = emptySeries();
    for (const event of [stamped(1, { heldOut: { clipscore: 27 } }), stamped(2, { heldOut: { clipscore: 26 } })])
      appendIteration(whole, event);
    expect(whole.scalars['heldOut:clipscore'].mean).toEqual([27, 26]);
  });

  test('takes the name of a component as nothing but a name', () => {
    const components = JSON.parse('{"__proto__": 1, "constructor": 2, "reward": 3}') as Record<string, number>;
    const series = emptySeries();
    appendIteration(series, stamped(1, { components }));
    appendIteration(series, stamped(2, { components }));
    expect(series.scalars['component:__proto__'].mean).toEqual([1, 1]);
    expect(series.scalars['component:constructor'].mean).toEqual([2, 2]);
    expect(series.scalars.reward.mean).toEqual([stamped(1).reward.mean, stamped(2).reward.mean]);
  });
});
