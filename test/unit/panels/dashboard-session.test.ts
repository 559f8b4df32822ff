import { rename, rm, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { appendSeries, type RunGlance } from '../../../engine/protocol.ts';
import { iterationName } from '../../../engine/run/folder.ts';
import { createDashboardSession, type DashboardPage } from '../../../src/views/panels/dashboard-session.ts';
import { observerOf } from '../../../src/views/panels/observation.ts';
import { mediaOf } from '../../../src/views/panels/run-files.ts';
import { toDashboard, type ToDashboard } from '../../../webview/contract/dashboard.ts';
import { addRollouts, eventually, makeRun, serve, type Served } from './studio.ts';

type Of<Type extends ToDashboard['type']> = Extract<ToDashboard, { type: Type }>;
const ready = { type: 'ready', version: 1 };

/** A dashboard whose page keeps what it gets; each message must follow the contract. */
function open(served: Served, run: string, more: Partial<DashboardPage> = {}) {
  const got: ToDashboard[] = [];
  const titles: RunGlance[] = [];
  const failures: unknown[] = [];
  const located: string[] = [];
  const opened: string[] = [];
  const page: DashboardPage = {
    send: async (message) => void got.push(toDashboard.parse(message)),
    settings: () => ({ autoplay: true, trusted: true, refreshRate: 10 }),
    located: (folder) => void located.push(folder),
    shown: (glance) => void titles.push(glance),
    sources: async (folder, videos) =>
      Object.fromEntries(
        [...(await mediaOf(folder, videos))].map(([file, found]) => [
          file,
          { video: found.video, poster: found.poster ?? '' },
        ]),
      ),
    carryOut: async () => {},
    failed: (_, error) => void failures.push(error),
    copy: async () => {},
    save: async () => {},
    openVideo: async (_, file) => void opened.push(file),
    ...more,
  };
  const session = createDashboardSession(run, { ...served, observe: observerOf(served.engine, run) }, page);
  onTestFinished(() => session.dispose());
  const all = <Type extends ToDashboard['type']>(type: Type) => got.filter((one) => one.type === type) as Of<Type>[];
  return { session, got, titles, failures, located, opened, all };
}

describe('a dashboard', () => {
  it('says nothing before the page listens, then sends setup, connection, summary and view', async () => {
    const served = serve();
    const run = await makeRun(served.runsFolder, 'shapes', 30);
    const { session, got, all, titles, located } = open(served, run.id);
    expect(got).toEqual([]);
    session.receive(ready);
    const view = await eventually(() => all('view')[0]);
    const summary = await eventually(() => all('summary')[0]);
    expect(got[0]).toEqual({ type: 'setup', version: 1, run: run.id, autoplay: true, trusted: true });
    expect(all('connection')[0].state).toBe('connecting');
    expect(all('connection').at(-1)).toMatchObject({ state: 'connected', message: null });
    expect(view.view.series.last.at(-1)).toBe(30);
    expect(summary.summary.config).toMatchObject({ name: 'shapes' });
    expect(located).toContain(summary.summary.folder);
    expect(titles.at(-1)).toMatchObject({ name: 'shapes', status: 'finished' });
  });

  it('shows a run that goes on, and after it was hidden all of it', async () => {
    const served = serve();
    const run = await makeRun(served.runsFolder, 'shapes', 10, true);
    const { session, got, all } = open(served, run.id);
    session.receive(ready);
    const { view } = await eventually(() => all('view')[0]);
    for (let last = 15; last <= 40; last += 5) {
      run.iterate(last - 4, last);
      await eventually(() => all('change').some(({ change }) => change.series.last.at(-1) === last));
    }
    const told = structuredClone(view.series);
    for (const { change } of all('change')) appendSeries(told, change.series);
    expect(told.last).toEqual(Array.from({ length: 40 }, (_, i) => i + 1));

    session.hide();
    const before = got.length;
    run.iterate(41, 50);
    await eventually(() => served.runs.get(run.id)?.iterations === 50);
    expect(got.length).toBe(before);
    session.receive({ type: 'action', action: 'stop' });
    expect(got.length).toBe(before);

    session.receive(ready);
    const again = await eventually(() => all('view')[1]);
    expect(again.view.series.last.at(-1)).toBe(50);
    expect(got[before].type).toBe('setup');
    expect(again.view.series.scalars.reward.mean.slice(0, 40)).toEqual(told.scalars.reward.mean);
  });

  it('of a page that asks for everything a thousand times reads the run a few times', async () => {
    const served = serve();
    const run = await makeRun(served.runsFolder, 'shapes', 10, true);
    const { session, all } = open(served, run.id);
    for (let i = 0; i < 1000; i++) session.receive(ready);
    await eventually(() => all('view')[0]);
    await eventually(() => all('summary')[0]);
    run.iterate(11, 11);
    await eventually(() => all('change').some(({ change }) => change.series.last.at(-1) === 11));
    expect(all('view')).toHaveLength(1);
  });

  it('says when its run is deleted, and shows it again when it is put back', async () => {
    const served = serve();
    const run = await makeRun(served.runsFolder, 'shapes', 10);
    const { session, all } = open(served, run.id);
    session.receive(ready);
    await eventually(() => all('view')[0] && served.runs.get(run.id));
    const bin = path.join(served.runsFolder, '..', 'bin');
    await rename(run.folder, bin);
    const { problem } = await eventually(() => all('problem')[0]);
    expect(problem.code).toBe('run/unknown');
    expect(problem.remedy).not.toBe('');
    await eventually(() => served.runs.get(run.id) === undefined);
    await rename(bin, run.folder);
    await eventually(() => all('view')[1]);
  });

  it('of a run that was deleted while the window was closed says so', async () => {
    const served = serve();
    const run = await makeRun(served.runsFolder, 'shapes', 1);
    await rm(run.folder, { recursive: true });
    const { session, all } = open(served, run.id);
    session.receive(ready);
    expect((await eventually(() => all('problem')[0])).problem.code).toBe('run/unknown');
    expect(all('view')).toEqual([]);
  });

  it('says what happens next when the engine dies, and shows all anew when it is back', async () => {
    const served = serve();
    const run = await makeRun(served.runsFolder, 'shapes', 10);
    const { session, all } = open(served, run.id);
    session.receive(ready);
    await eventually(() => all('view')[0]);
    const { state } = served.engine;
    if (state.kind !== 'running') throw new Error(state.kind);
    process.kill(state.hello.pid, 'SIGKILL');
    const lost = await eventually(() => all('connection').find((one) => one.state === 'disconnected'));
    expect(lost.message).toMatch(/It is started again in \d+ s\./);
    await eventually(() => all('view')[1]);
    expect(all('connection').at(-1)!.state).toBe('connected');
  });

  it('finds the videos that are on disk and never leaves the run', async () => {
    const served = serve();
    const run = await makeRun(served.runsFolder, 'shapes', 1);
    await addRollouts(run, 1, ['here.mp4', 'gone.mp4', 'link.mp4'], ['here.mp4', 'here.png']);
    await addRollouts(run, 2, ['../../../x.mp4'], []);
    const secret = path.join(served.runsFolder, '..', 'secret.mp4');
    await writeFile(secret, '');
    await symlink(secret, path.join(run.folder, 'rollouts', iterationName(1), 'link.mp4'));
    const { session, all, opened, failures } = open(served, run.id);
    session.receive(ready);
    await eventually(() => all('view')[0]);
    const params = { kind: 'rollouts', iteration: 1 };
    session.receive({ type: 'ask', id: 5, question: 'videos', params });
    const { id, result } = await eventually(() => all('answer')[0]);
    const { videos, sources } = result as { videos: { file: string; prompt: string }[]; sources: object };
    const file = `rollouts/${iterationName(1)}/here.mp4`;
    expect(id).toBe(5);
    expect(videos.find((video) => video.file === file)?.prompt).toBe('<b>a circle</b>');
    const poster = path.join(run.folder, file.replace('.mp4', '.png'));
    expect(sources).toEqual({ [file]: { video: path.join(run.folder, file), poster } });

    session.receive({ type: 'ask', id: 6, question: 'videos', params: { ...params, iteration: 2 } });
    expect((await eventually(() => all('refusal')[0])).problem.code).toBe('path/outside');

    session.receive({ type: 'openVideo', ...params, file });
    await eventually(() => opened.length === 1);
    session.receive({ type: 'openVideo', ...params, file: '../../../etc/passwd' });
    await eventually(() => failures.length === 1);
    expect(opened).toEqual([file]);
  });

  it('answers for finer series and refuses what the run does not have', async () => {
    const served = serve();
    const run = await makeRun(served.runsFolder, 'shapes', 60);
    const { session, all } = open(served, run.id);
    session.receive(ready);
    session.receive({ type: 'ask', id: 1, question: 'series', params: { first: 20, last: 29, columns: 50 } });
    const { result } = await eventually(() => all('answer')[0]);
    expect((result as { first: number[] }).first).toEqual([20, 21, 22, 23, 24, 25, 26, 27, 28, 29]);
    session.receive({ type: 'ask', id: 2, question: 'videos', params: { kind: 'rollouts', iteration: 7 } });
    const { id } = await eventually(() => [...all('refusal'), ...all('answer').slice(1)][0]);
    expect(id).toBe(2);
  });

  it('tells what it is busy with, and lets a person kill while a stop is under way', async () => {
    const served = serve();
    const run = await makeRun(served.runsFolder, 'shapes', 1);
    const done: (() => void)[] = [];
    const begun: string[] = [];
    const { session, all, failures } = open(served, run.id, {
      carryOut(action, iteration) {
        begun.push(`${action} ${iteration ?? ''}`.trim());
        return action === 'kill' ? Promise.reject(new Error('no')) : new Promise((resolve) => done.push(resolve));
      },
    });
    session.receive(ready);
    for (const action of ['stop', 'stop', 'kill']) session.receive({ type: 'action', action });
    session.receive({ type: 'action', action: 'resume', iteration: 3 });
    await eventually(() => failures.length === 1);
    done.forEach((finish) => finish());
    await eventually(() => all('busy').length > 1 && all('busy').at(-1)!.action === null);
    expect(begun).toEqual(['stop', 'kill', 'resume 3']);
    expect(all('busy').map(({ action }) => action)).toContain('kill');
  });
});
