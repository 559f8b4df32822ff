import { rm } from 'node:fs/promises';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createCompareSession } from '../../../src/views/panels/compare-session.ts';
import { observerOf } from '../../../src/views/panels/observation.ts';
import { toCompare, type ToCompare } from '../../../webview/contract/compare.ts';
import { addRollouts, eventually, makeRun, serve, type Served } from './studio.ts';

type Of<Type extends ToCompare['type']> = Extract<ToCompare, { type: Type }>;
const ready = { type: 'ready', version: 1 };

function open(served: Served, runs: string[]) {
  const got: ToCompare[] = [];
  const opened: string[] = [];
  const session = createCompareSession(
    runs,
    { ...served, observe: (run) => observerOf(served.engine, run) },
    {
      send: async (message) => void got.push(toCompare.parse(message)),
      settings: () => ({ autoplay: false }),
      found: () => {},
      sources: async () => ({}),
      openDashboard: async (run) => void opened.push(run),
      copy: async () => {},
      save: async () => {},
    },
  );
  onTestFinished(() => session.dispose());
  const all = <Type extends ToCompare['type']>(type: Type) => got.filter((one) => one.type === type) as Of<Type>[];
  return { session, got, all, opened };
}

describe('a comparison', () => {
  it('shows its runs, and again when one of them has gone on', async () => {
    const served = serve();
    const a = await makeRun(served.runsFolder, 'a', 10, true);
    const b = await makeRun(served.runsFolder, 'b', 20);
    const c = await makeRun(served.runsFolder, 'c', 5);
    await addRollouts(b, 20, ['x.mp4'], []);
    const { session, got, all, opened } = open(served, [b.id, a.id]);
    expect(got).toEqual([]);
    session.receive(ready);
    const first = await eventually(() => all('comparison')[0]);
    expect(got[0]).toEqual({ type: 'setup', version: 1, runs: [b.id, a.id], autoplay: false });
    expect(first.comparison.runs.map(({ id }) => id)).toEqual([b.id, a.id]);
    expect(first.series.map(({ last }) => last.at(-1))).toEqual([20, 10]);
    expect(first.written).toEqual([[{ kind: 'rollouts', iteration: 20, videos: 1 }], []]);
    await eventually(() => served.runs.get(c.id));

    a.iterate(11, 12);
    await eventually(() => all('comparison').some(({ series }) => series[1].last.at(-1) === 12));

    session.receive({ type: 'ask', id: 1, question: 'videos', params: { run: c.id, kind: 'rollouts', iteration: 1 } });
    expect((await eventually(() => all('refusal')[0])).problem.message).toContain('not one of the runs');
    session.receive({ type: 'openDashboard', run: c.id });
    session.receive({ type: 'openDashboard', run: a.id });
    expect(opened).toEqual([a.id]);
  });

  it('is sent anew to a page that was hidden', async () => {
    const served = serve();
    const runs = [await makeRun(served.runsFolder, 'a', 3, true), await makeRun(served.runsFolder, 'b', 3)];
    const { session, got, all } = open(
      served,
      runs.map(({ id }) => id),
    );
    session.receive(ready);
    await eventually(() => all('comparison')[0]);
    session.hide();
    const before = got.length;
    runs[0].iterate(4, 6);
    await eventually(() => served.runs.get(runs[0].id)?.iterations === 6);
    expect(got.length).toBe(before);
    session.receive(ready);
    await eventually(() => all('comparison').some(({ series }) => series[0].last.at(-1) === 6));
  });

  it('says which run is gone', async () => {
    const served = serve();
    const a = await makeRun(served.runsFolder, 'a', 1);
    const b = await makeRun(served.runsFolder, 'b', 1);
    await rm(b.folder, { recursive: true });
    const { session, all } = open(served, [a.id, b.id]);
    session.receive(ready);
    const { problem } = await eventually(() => all('problem')[0]);
    expect(problem.code).toBe('run/unknown');
    expect(problem.message).toContain(b.id);
  });
});
