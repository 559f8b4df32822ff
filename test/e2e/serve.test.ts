import { readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import type { RunEvent } from '../../engine/protocol.ts';
import { processStart } from '../../engine/run/lock.ts';
import { ended, openEngine, type Engine, type Followed } from './engine.ts';
import { checkpointsOf, eventsOf, recordOf, sage, temporaryFolder, tinyConfig, until } from './support.ts';

/** Iterations of about a fifth of a second, and as many as a test needs. */
const longRun = (iterations: number) => ({
  training: { iterations, micro_batch: 4 },
  evaluation: { every: 0, videos_per_prompt: 1, max_videos: 2 },
  checkpoints: { every: 3, keep: 9 },
  videos: { every: 0 },
});

const kinds = (followed: Followed) => followed.events.map(({ kind }) => kind);
const lastIteration = (followed: Followed) =>
  followed.events.findLast(({ kind }) => kind === 'iteration')?.iteration ?? 0;
const reaches = (followed: Followed, iteration: number) => until(() => lastIteration(followed) >= iteration);
const says = (followed: Followed, kind: RunEvent['kind']) => until(() => kinds(followed).includes(kind));
const becomes = (engine: Engine, run: string, status: string) =>
  until(() => engine.watched.get(run)?.status === status);

/** Every event once, in order, as the log has them. */
function expectWhole(events: readonly RunEvent[], runFolder: string): void {
  expect(events.map(({ seq }) => seq)).toEqual(events.map((_, i) => i + 1));
  expect(events).toEqual(eventsOf(runFolder));
}

describe('a run launched through the engine', () => {
  test('is followed live by two clients, survives the killing of one, which then catches up, and nothing is lost or doubled', async () => {
    const folder = temporaryFolder();
    const runs = path.join(folder, 'runs');
    const [first, other] = await Promise.all([openEngine(runs), openEngine(runs)]);
    const { run, folder: runFolder, pid } = await first.launch({ file: tinyConfig(folder, longRun(40)) });
    expect(path.basename(runFolder)).toBe(run);
    const before = await first.follow(run);
    const meanwhile = await other.follow(run, { fromSeq: 0, pageEvents: 3 });
    await reaches(before, 2);
    first.child.kill('SIGKILL');
    await ended(first.child);
    expect(await processStart(pid)).not.toBeNull();
    expect(recordOf(runFolder).status).toBe('running');

    const had = before.events.at(-1)!;
    const again = await openEngine(runs);
    expect((await again.ask('runs/list', {})).runs).toMatchObject([{ id: run, status: 'running' }]);
    const after = await again.follow(run, { fromSeq: had.seq + 1, lastTime: had.time });
    await Promise.all([says(after, 'run_finished'), says(meanwhile, 'run_finished')]);
    expectWhole([...before.events, ...after.events], runFolder);
    expectWhole(meanwhile.events, runFolder);
    expect(after.events[0].seq).toBe(had.seq + 1);
    expect(Math.max(...meanwhile.pages)).toBeLessThanOrEqual(3);
    expect([after.restarts, meanwhile.restarts]).toEqual([0, 0]);
    // It was sent while it happened, not all at once.
    expect(meanwhile.pages.filter((size) => size > 0).length).toBeGreaterThan(5);

    await until(() => recordOf(runFolder).status === 'finished');
    // The trainer says so a moment after the record does.
    const logText = () => readFileSync(path.join(runFolder, 'engine.log'), 'utf8');
    await until(() => logText().match(/finished/g)?.length === 2);
    const log = logText();
    expect(log).toContain('iteration 40/40');
    const read = await again.ask('run/readFile', { run, path: 'engine.log' });
    expect(Buffer.from(read.data, 'base64').toString()).toBe(log);
    expect(await again.close()).toBe(0);
    expect(await other.close()).toBe(0);
  });

  test('goes on when the editor is closed, and is found again', async () => {
    const folder = temporaryFolder();
    const runs = path.join(folder, 'runs');
    const engine = await openEngine(runs);
    const { run, folder: runFolder, pid } = await engine.launch({ file: tinyConfig(folder, longRun(500)) });
    expect(await engine.close()).toBe(0);
    expect(engine.stderr()).toContain('the editor has gone');
    const seen = eventsOf(runFolder).length;
    await until(() => eventsOf(runFolder).length > seen + 1);

    const again = await openEngine(runs);
    expect((await again.ask('runs/list', {})).runs).toMatchObject([{ id: run, status: 'running' }]);
    expect(await again.ask('run/kill', { run })).toEqual({ pid });
    expect(await processStart(pid)).toBeNull();
    expect(await again.ask('run/inspect', { run })).toMatchObject({ status: 'crashed', pid: null });
    expect(await again.refusal('run/kill', { run })).toMatchObject({ code: 'run/no-trainer' });
    expect(await again.refusal('run/control', { run, request: 'pause' })).toMatchObject({
      code: 'run/no-trainer',
      advice: [
        { action: 'resume', run },
        { action: 'inspect', run },
      ],
    });
    await again.close();
  });
});

test('a run is paused, saved, continued, stopped, resumed, killed and deleted through the engine, and the editor is told', async () => {
  const folder = temporaryFolder();
  const runs = path.join(folder, 'runs');
  const engine = await openEngine(runs);
  await engine.watch();
  expect(engine.watched.size).toBe(0);
  const { run, folder: runFolder, pid } = await engine.launch({ file: tinyConfig(folder, longRun(1000)) });
  const followed = await engine.follow(run);
  await becomes(engine, run, 'running');

  await reaches(followed, 1);
  expect(await engine.ask('run/control', { run, request: 'pause' })).toMatchObject({ paused: true, stopping: false });
  await becomes(engine, run, 'paused');
  const rested = lastIteration(followed);
  expect(engine.watched.get(run)).toMatchObject({ iterations: rested, iterationsPlanned: 1000 });
  await engine.ask('run/control', { run, request: 'checkpoint' });
  await until(() => followed.events.some((event) => event.kind === 'checkpoint' && event.iteration === rested));
  expect((await engine.ask('run/checkpoints', { run })).checkpoints.at(-1)).toMatchObject({
    iteration: rested,
    valid: true,
  });

  const second = await engine.refusal('run/resume', { run });
  expect(second).toMatchObject({ code: 'run/locked', place: { file: path.join(runFolder, 'lock') } });
  expect(second.message).toContain(`process ${pid}`);
  expect(await engine.refusal('run/deletable', { run })).toMatchObject({ code: 'run/locked' });

  await engine.ask('run/control', { run, request: 'continue' });
  await becomes(engine, run, 'running');
  await reaches(followed, rested + 1);
  await engine.ask('run/control', { run, request: 'stop' });
  await becomes(engine, run, 'stopped');
  expect(followed.events.filter(({ kind }) => kind === 'control')).toMatchObject(
    ['pause', 'checkpoint', 'continue', 'stop'].map((request) => ({ request, by: 'the tests' })),
  );
  expect(followed.restarts).toBe(0);

  expect(await engine.refusal('run/resume', { run, from: 777 })).toMatchObject({ code: 'resume/no-checkpoint' });
  const resumed = await engine.resume({ run, from: rested });
  expect(resumed).toMatchObject({ run, folder: runFolder });
  expect(resumed.pid).not.toBe(pid);
  await becomes(engine, run, 'running');
  await says(followed, 'run_resumed');
  await reaches(followed, rested + 2);
  // What came after the checkpoint was cut: the log was sent anew.
  expect(followed.restarts).toBe(1);
  expect(followed.events.filter(({ kind }) => kind === 'run_resumed')).toMatchObject([{ fromIteration: rested }]);
  expect(checkpointsOf(runFolder)).toContain(rested);

  await engine.ask('run/kill', { run });
  await becomes(engine, run, 'crashed');
  await until(() => followed.events.length === eventsOf(runFolder).length);
  expectWhole(followed.events, runFolder);

  const deletable = await engine.ask('run/deletable', { run });
  expect(deletable).toEqual({ folder: runFolder });
  rmSync(deletable.folder, { recursive: true });
  await until(() => !engine.watched.has(run));
  await until(() => followed.problem !== null);
  expect(followed.problem).toMatchObject({ code: 'run/unknown' });
  expect(await engine.refusal('run/inspect', { run })).toMatchObject({ code: 'run/unknown' });
  // Nobody called it crashed before it was.
  const told = engine.changes.flatMap(({ changed }) => changed.map(({ status }) => status));
  expect(told.filter((status, i) => status !== told[i - 1])).toEqual([
    'running',
    'paused',
    'running',
    'stopped',
    'running',
    'crashed',
  ]);
  await engine.close();
});

test('runs that were made on the command line are seen, compared and reported', async () => {
  const folder = temporaryFolder();
  const runs = path.join(folder, 'runs');
  const engine = await openEngine(runs);
  await engine.watch();
  const short = { ...longRun(1), checkpoints: { every: 0, keep: 1 } };
  for (const name of ['one', 'two'])
    expect((await sage(['train', tinyConfig(folder, short, name), '--runs', runs])).code).toBe(0);
  await until(
    () => engine.watched.size === 2 && [...engine.watched.values()].every((run) => run.status === 'finished'),
  );
  const listed = await engine.ask('runs/list', {});
  expect(listed.runs.map(({ name }) => name)).toEqual(['two', 'one']);
  const ids = listed.runs.map(({ id }) => id);
  const comparison = await engine.ask('runs/compare', { runs: ids });
  expect(comparison.differences.map(({ key }) => key)).toEqual(['name']);
  expect(comparison.evaluations.map((evaluations) => evaluations.length)).toEqual([2, 2]);
  const report = await engine.ask('run/report', { run: ids[0] });
  const read = await engine.ask('run/readFile', { run: ids[0], path: report.path, length: 100 });
  expect(read.mimeType).toBe('text/html');
  expect(Buffer.from(read.data, 'base64').toString().toLowerCase()).toContain('<!doctype html>');
  await engine.close();
});
