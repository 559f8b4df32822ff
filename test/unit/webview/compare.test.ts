import { describe, expect, it } from 'vitest';
import { appendSeries, emptySeries, seriesOfIteration, type Series } from '../../../engine/protocol/series.ts';
import type { EventOf } from '../../../engine/run/events.ts';
import { chartOf, commonPlaces, extentOf, metricsOf, positionsOf, resample } from '../../../webview/compare/curves.ts';
import { csvOfRows } from '../../../webview/compare/csv-rows.ts';
import { looksOf } from '../../../webview/compare/looks.ts';
import { iterationEvent } from '../run/sample-run.ts';

function seriesOf(iterations: number): Series {
  const series = emptySeries();
  for (let i = 1; i <= iterations; i++) {
    const event = { seq: i, time: '', v: 1, ...iterationEvent(i) } as EventOf<'iteration'>;
    appendSeries(series, seriesOfIteration(event));
  }
  return series;
}

/** As the sample events have them. */
const rewards = [1, 2, 3, 4].map((iteration) => 0.4 + iteration / 100);

const evaluation = (iteration: number, reward: number) => ({
  ...{ iteration, reward, rewardStd: 0.1, components: {}, distance: 0.1, videos: 8, unscored: 0, ceiling: null },
});
const runs = {
  looks: looksOf(['one', 'two']),
  series: [seriesOf(4), seriesOf(2)],
  evaluations: [[evaluation(0, 0.1), evaluation(4, 0.5)], [evaluation(2, 0.3)]],
};
const metric = (id: string) => metricsOf(runs.series, runs.evaluations).find((each) => each.id === id)!;

describe('curves of several runs', () => {
  it('lie over iterations, updates or seconds', () => {
    expect(positionsOf(runs.series[0], 'iteration')).toEqual([1, 2, 3, 4]);
    expect(positionsOf(runs.series[0], 'update')).toEqual([4, 8, 12, 16]);
    expect(positionsOf(runs.series[0], 'second')).toEqual([1.75, 3.5, 5.25, 7]);
    expect(extentOf(runs.series, 'second')).toEqual([0, 7]);
  });

  it('have nothing where a run was not', () => {
    const { columns, lines } = chartOf(metric('reward'), 'iteration', 0, runs);
    expect(columns.first).toEqual([1, 2, 3, 4]);
    expect(lines.map(({ values }) => values)).toEqual([rewards, [rewards[0], rewards[1], null, null]]);
  });

  it('keep what was before smoothing', () => {
    const [line] = chartOf(metric('reward'), 'iteration', 0.9, runs).lines;
    expect(line.raw).toEqual(rewards);
    expect(line.values.at(-1)).toBeLessThan(0.44);
  });

  it('place evaluations where the training was by then, the first at the beginning', () => {
    const { columns, lines } = chartOf(metric('evaluation'), 'second', 0.9, runs);
    expect(columns.first).toEqual([0, 3.5, 7]);
    expect(lines[0].values[0]).toBe(0.1);
    expect(lines[0].values[2]).toBe(0.5);
    expect(lines[1].values).toEqual([null, 0.3, null]);
  });

  it('are of what was measured only', () => {
    const ids = metricsOf(runs.series, runs.evaluations).map(({ id }) => id);
    expect(ids).toContain('component:VQ');
    expect(ids).not.toContain('driftAnchor');
    expect(metricsOf([emptySeries()], [[]])).toEqual([]);
  });

  it('are joined by straight lines, and never continued', () => {
    expect(resample([0, 10], [0, 1], [-1, 0, 5, 10, 11])).toEqual([null, 0, 0.5, 1, null]);
    expect(resample([0, 5, 10], [0, null, 1], [5])).toEqual([0.5]);
    const many = Array.from({ length: 5000 }, (_, i) => i / 3);
    expect(commonPlaces([many])).toHaveLength(1000);
    expect(
      commonPlaces([
        [1, 3],
        [2, 3],
      ]),
    ).toEqual([1, 2, 3]);
  });
});

describe('what tells runs apart', () => {
  it('is the letter and the pattern of each of eight', () => {
    const looks = looksOf(['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h']);
    expect(new Set(looks.map(({ letter }) => letter)).size).toBe(8);
    expect(new Set(looks.map(({ dash }) => dash.join())).size).toBe(8);
  });
});

describe('rows as CSV', () => {
  it('are quoted where needed and run nothing in a spreadsheet', () => {
    expect(csvOfRows([['a,b', 'x"y', '=1+1', null, -2]])).toBe(`"a,b","x""y",'=1+1,,-2\r\n`);
  });
});
