import { describe, expect, test } from 'vitest';
import {
  appendSeries,
  emptySeries,
  runView,
  series as seriesSchema,
  type EventOf,
  type RunEvent,
  type RunGlance,
} from '../../../engine/protocol.ts';
import { createAccumulator, type Accumulator } from '../../../engine/view/accumulator.ts';
import { evaluationEvent } from '../run/sample-run.ts';
import { stamped } from './iterations.ts';

const config = { rollout: { prompts_per_iteration: 4, generations: 8 }, training: { iterations: 30 } };
const glance: RunGlance = {
  ...{ id: 'a-20260101-000000', folder: '/a', broken: null, name: 'a', message: null, created: null },
  ...{ status: 'running', iterations: 99, iterationsPlanned: 30, reward: null, secondsPerIteration: null },
  ...{ lastSeq: 999, updated: null },
};

function take(accumulator: Accumulator, events: RunEvent[]): void {
  accumulator.take({ events, offsets: events.map(({ seq }) => seq * 100), place: { offset: 0, line: 0, seq: null } });
}

const stamp = (seq: number) => ({ seq, time: '2026-01-01T00:00:00.000Z', v: 1 as const });
const anchor = (iteration: number): RunEvent => ({ ...stamp(iteration), kind: 'anchor', iteration, updates: 4 });
const evaluation = (iteration: number, components: Record<string, number>): RunEvent => {
  return { ...(evaluationEvent(iteration, 2 / 3) as EventOf<'evaluation'>), ...stamp(iteration), components };
};
const rollouts = (iteration: number, seq: number, videos = 3): RunEvent => {
  return { ...stamp(seq), kind: 'rollouts', iteration, folder: 'rollouts', videos: new Array(videos).fill({}) };
};

describe('what the events of a run add up to', () => {
  test('is told whole and then in parts, which together are the whole', () => {
    const [told, all] = [createAccumulator(config, 50), createAccumulator(config, 50)];
    const kept = told.whole();
    for (let i = 1; i <= 90; i++) {
      const events = [stamped(i), anchor(i), ...(i % 10 === 0 ? [rollouts(i, i), evaluation(i, { VQ: 0.5 })] : [])];
      take(told, events);
      take(all, events);
      if (i % 7 !== 0 && i !== 90) continue;
      const added = told.added();
      appendSeries(kept.series, added.series);
      for (const name of ['evaluations', 'anchors', 'written'] as const) kept[name].push(...(added[name] as never[]));
    }
    expect(kept).toEqual(all.whole());
    expect(kept.written).toHaveLength(9);
    expect(told.added()).toEqual({ series: emptySeries(), evaluations: [], anchors: [], written: [] });
  });

  test('says how fast the run goes and how long it still takes while it runs', () => {
    const accumulator = createAccumulator(config, 50);
    expect(accumulator.videosPerSecond()).toBeNull();
    expect(accumulator.secondsLeft(glance)).toBeNull();
    const seconds = { rollout: 1, decode: 0.5, score: 0.5, update: 1, other: 0, total: 3 };
    take(accumulator, [
      stamped(1, { seconds: { ...seconds, total: 100 } }),
      ...[2, 3].map((i) => stamped(i, { seconds })),
    ]);
    const now = accumulator.glance(glance);
    expect(now).toMatchObject({ iterations: 3, lastSeq: 3, secondsPerIteration: 3, reward: stamped(3).reward.mean });
    expect(accumulator.secondsLeft(now)).toBe(27 * 3);
    expect(accumulator.secondsLeft({ ...now, status: 'paused' })).toBeNull();
    expect(accumulator.secondsLeft({ ...now, iterationsPlanned: null })).toBeNull();
    expect(accumulator.videosPerSecond()).toBe(16);
    const silent = createAccumulator({ rollout: { generations: '<b>' } }, 50);
    take(silent, [stamped(1)]);
    expect(silent.videosPerSecond()).toBeNull();
  });

  test('holds an iteration once, however often a log has it, and the place of its newest videos', () => {
    const accumulator = createAccumulator(config, 50);
    take(accumulator, [stamped(2), stamped(2), stamped(1), rollouts(2, 4), rollouts(2, 9), stamped(7)]);
    const { series, written } = accumulator.whole();
    expect(series.first).toEqual([2, 7]);
    expect(written).toEqual([{ kind: 'rollouts', iteration: 2, videos: 3 }]);
    expect(accumulator.videosAt('rollouts', 2)).toBe(900);
    expect(accumulator.videosAt('evaluation', 2)).toBeUndefined();
  });

  test('is a valid view whatever the names, with a bounded number of components', () => {
    const hostile = JSON.parse('{"__proto__": 0.1, "<script>": 0.2, "toString": 0.3}') as Record<string, number>;
    const many = Object.fromEntries(Array.from({ length: 10_000 }, (_, i) => [`c${i}`, i / 7]));
    const accumulator = createAccumulator(JSON.parse('{"__proto__": {"rollout": {}}}'), 50);
    take(accumulator, [stamped(1, { components: hostile }), evaluation(1, many), stamped(2, { components: many })]);
    const now = accumulator.glance(glance);
    const view = {
      ...accumulator.whole(),
      ...{ glance: now, checkpoints: [], health: accumulator.health('running') },
      ...{ videosPerSecond: accumulator.videosPerSecond(), secondsLeft: accumulator.secondsLeft(now) },
    };
    expect(runView.safeParse(view).error).toBeUndefined();
    expect(JSON.stringify(view).length).toBeLessThan(50_000);
    expect(Object.keys(view.evaluations[0].components)).toHaveLength(32);
    expect(seriesSchema.parse(JSON.parse(JSON.stringify(view.series))).scalars['component:__proto__'].mean).toEqual([
      0.1,
      null,
    ]);
  });
});
