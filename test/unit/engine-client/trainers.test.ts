import { expect, test } from 'vitest';
import { appendSeries, type RunGlance, type RunView } from '../../../engine/protocol.ts';
import { observeRun, watchRuns, type RunSink, type RunsSink } from '../../../src/engine/observe.ts';
import { eventsOf, recordOf, temporaryFolder, tinyConfig, until } from '../../e2e/support.ts';
import { isAlive, openServe } from './client.ts';

/** The runs as a list of them would show them. */
function keepRuns(): RunsSink & { shown: Map<string, RunGlance>; lists: number; waits: string[] } {
  const shown = new Map<string, RunGlance>();
  return {
    shown,
    lists: 0,
    waits: [],
    runs(runs) {
      this.lists += 1;
      shown.clear();
      for (const run of runs) shown.set(run.id, run);
    },
    changed({ changed, removed }) {
      for (const run of changed) shown.set(run.id, run);
      for (const id of removed) shown.delete(id);
    },
    refused(problem) {
      throw new Error(problem.message);
    },
    waiting({ kind }) {
      this.waits.push(kind);
    },
  };
}

/** A run as a dashboard would show it. */
function keepView(): RunSink & { view: RunSink['view']; shown: RunView | null; views: number } {
  return {
    shown: null,
    views: 0,
    view(view) {
      this.views += 1;
      this.shown = structuredClone(view);
    },
    change({ series, evaluations, anchors, written, ...current }) {
      const before = this.shown!;
      appendSeries(before.series, series);
      before.evaluations.push(...evaluations);
      before.anchors.push(...anchors);
      before.written.push(...written);
      Object.assign(before, current);
    },
    unobservable(problem) {
      throw new Error(problem.message);
    },
    waiting() {},
  };
}

test('an engine that is killed leaves the trainer alone, and what watches the runs catches up', async () => {
  const folder = temporaryFolder();
  const { engine, states } = openServe(folder);
  const seen = keepRuns();
  const watch = watchRuns(engine, seen);
  const config = tinyConfig(folder);
  const started = await engine.request('run/launch', { file: config, overrides: ['training.iterations=6'] });
  const dashboard = keepView();
  const observed = observeRun(engine, started.run, 500, dashboard);
  try {
    await until(() => dashboard.views === 1);
    await until(() => eventsOf(started.folder).some(({ kind }) => kind === 'iteration'));
    if (engine.state.kind !== 'running') throw new Error(`it is ${engine.state.kind}`);
    process.kill(engine.state.hello.pid, 'SIGKILL');
    await until(() => states.includes('backoff'));
    expect(isAlive(started.pid)).toBe(true);
    await until(() => seen.lists === 2);
    await until(() => seen.shown.get(started.run)?.status === 'finished');
    expect(seen.shown.get(started.run)).toMatchObject({ iterations: 6, broken: null });
    expect(recordOf(started.folder).status).toBe('finished');
    expect(states).toEqual(['starting', 'running', 'backoff', 'starting', 'running']);
    expect(seen.waits).toEqual(['stopped', 'starting', 'backoff', 'starting']);

    await until(() => dashboard.shown!.glance.status === 'finished');
    expect(dashboard.views).toBe(2);
    expect(dashboard.shown!.series.last).toEqual([1, 2, 3, 4, 5, 6]);
    const afresh = keepView();
    const other = observeRun(engine, started.run, 500, afresh);
    await until(() => afresh.views === 1);
    // Either may be a change behind the other.
    await expect.poll(() => afresh.shown, { timeout: 60_000 }).toEqual(dashboard.shown);
    other.dispose();

    watch.dispose();
    const second = keepRuns();
    const again = watchRuns(engine, second);
    await until(() => second.lists === 1);
    again.dispose();
  } finally {
    observed.dispose();
    if (isAlive(started.pid)) process.kill(-started.pid, 'SIGKILL');
    await engine.stop();
  }
});

test('whoever stops the engine is not overruled by what watches, which goes on when it is started again', async () => {
  const { engine, states } = openServe(temporaryFolder());
  const seen = keepRuns();
  const watch = watchRuns(engine, seen);
  await until(() => seen.lists === 1);
  expect(() => watchRuns(engine, keepRuns())).toThrow('watched already');
  await engine.stop();
  expect(states.at(-1)).toBe('stopped');
  await engine.start();
  await until(() => seen.lists === 2);
  watch.dispose();
  await engine.stop();
  expect(states).toEqual(['starting', 'running', 'stopping', 'stopped', 'starting', 'running', 'stopping', 'stopped']);
});
