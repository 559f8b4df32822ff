import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { isCancelled } from '../../../src/engine/problems.ts';
import { temporaryFolder, tinyConfig, until } from '../../e2e/support.ts';
import { comesTo, impostor, isAlive, openClient, openServe, problemWith, swift } from './client.ts';

const listed = { runs: [] };

describe('a request whose process ends before it answers', () => {
  test('is asked again, once, when it only reads', async () => {
    const once = impostor("handlers['runs/list'] = () => (first('died') ? process.exit(1) : { runs: [] });");
    const { engine } = openClient(() => once.command);
    expect(await engine.request('runs/list', {})).toEqual(listed);
    expect(once.pids()).toHaveLength(2);
    await engine.stop();

    const always = impostor("handlers['runs/list'] = () => process.exit(1);");
    const other = openClient(() => always.command);
    expect(await problemWith(other.engine.request('runs/list', {}))).toMatchObject({ code: 'engine/lost' });
    expect(always.pids()).toHaveLength(2);
    await other.engine.stop();
    expect([...once.pids(), ...always.pids()].filter(isAlive)).toEqual([]);
  });

  test.each([
    ['run/launch', { file: '/x.sage.yaml' }, 'list of runs'],
    ['run/resume', { run: 'a' }, 'status of the run'],
    ['run/control', { run: 'a', request: 'stop' }, 'status of the run'],
    ['run/kill', { run: 'a' }, 'still runs'],
    ['run/report', { run: 'a' }, 'report.html'],
  ] as const)('is not repeated when it acts: %s says that its outcome is unknown', async (name, params, where) => {
    const program = impostor(`handlers['${name}'] = () => process.exit(1);`);
    const { engine } = openClient(() => program.command);
    const problem = await problemWith(engine.request(name, params));
    expect(problem).toMatchObject({ code: 'request/outcome-unknown', message: expect.stringContaining(name) });
    expect(problem.remedy).toContain(where);
    await engine.stop();
  });

  test('is done when it gave back what that process held', async () => {
    const program = impostor("handlers['run/unsubscribe'] = () => process.exit(1);");
    const { engine, states } = openClient(() => program.command);
    expect(await engine.request('run/unsubscribe', { subscription: 1 })).toEqual({});
    expect(states).toEqual([]);
    await engine.start();
    expect(await engine.request('run/unsubscribe', { subscription: 1 })).toEqual({});
    await until(() => program.pids().length === 2);
    await engine.stop();
  });

  test('got its answer when the process gave it with its last breath', async () => {
    const program = impostor(
      "handlers['run/kill'] = (_, { id }) => (send({ id, result: { pid: 5 } }), process.stdout.end(), setTimeout(() => process.exit(1)), undefined);",
    );
    const { engine } = openClient(() => program.command);
    expect(await engine.request('run/kill', { run: 'a' })).toEqual({ pid: 5 });
    await engine.stop();
  });

  test('fails when it is us who end it, and goes on when we restart it', async () => {
    const program = impostor("handlers['runs/list'] = () => (first('stuck') ? undefined : { runs: [] });");
    const { engine } = openClient(() => program.command);
    await engine.start();
    const answer = engine.request('runs/list', {});
    await until(() => existsSync(path.join(program.folder, 'stuck')));
    await engine.restart();
    expect(await answer).toEqual(listed);

    const silent = impostor("handlers['runs/list'] = () => void first('asked');");
    const other = openClient(() => silent.command);
    const open = problemWith(other.engine.request('runs/list', {}));
    await until(() => existsSync(path.join(silent.folder, 'asked')));
    await other.engine.stop();
    expect(await open).toMatchObject({ code: 'engine/stopped' });
    expect(silent.pids()).toHaveLength(1);
    await engine.stop();
  });
});

describe('while the engine is not there, a request', () => {
  const later = { ...swift, restart: { ...swift.restart, first: 60_000, most: 60_000 } };
  const dying = "handlers['runs/list'] = () => (first('died') ? process.exit(1) : { runs: [] });";

  test('waits as long as it may, then says what is wrong', async () => {
    const program = impostor(dying);
    const { engine } = openClient(() => program.command, { ...later, patience: 500 });
    await engine.start();
    expect(await problemWith(engine.request('runs/list', {}))).toMatchObject({ code: 'engine/ended' });
    expect(engine.state).toMatchObject({ kind: 'backoff', attempt: 1 });
    await engine.stop();
  });

  test('ends when it is cancelled, and a start that a person asks for does not wait', async () => {
    const program = impostor(dying);
    const { engine } = openClient(() => program.command, later);
    const waiting = engine.request('runs/list', {});
    const cancel = new AbortController();
    const cancelled = engine.request('runs/list', {}, cancel.signal).catch((error: unknown) => error);
    await comesTo(engine, 'backoff');
    cancel.abort();
    expect(isCancelled(await cancelled)).toBe(true);
    await engine.start();
    expect(await waiting).toEqual(listed);
    await engine.stop();
  });
});

test('what the engine refuses has its code, remedy and place', async () => {
  const { engine } = openServe(temporaryFolder());
  expect(await problemWith(engine.request('run/inspect', { run: 'gone' }))).toMatchObject({
    code: 'run/unknown',
    message: 'There is no run "gone".',
    remedy: expect.stringContaining('list the runs'),
  });
  await engine.stop();
});

test('cancelling a launch takes it back, and says so only when it is', async () => {
  const folder = temporaryFolder();
  const { engine } = openServe(folder);
  const cancel = new AbortController();
  const launch = engine.request('run/launch', { file: tinyConfig(folder) }, cancel.signal);
  const outcome = launch.catch((error: unknown) => error);
  const runs = path.join(folder, 'runs');
  await until(() => existsSync(runs) && readdirSync(runs).length > 0);
  cancel.abort();
  expect(isCancelled(await outcome)).toBe(true);
  expect(existsSync(runs)).toBe(false);
  await engine.stop();
});

test('cancelling a question ends it here at once, and tells the engine', async () => {
  const program = impostor(`
    handlers['runs/list'] = () => void first('asked');
    handlers['$/cancelRequest'] = (params) => void writeFileSync('cancelled', JSON.stringify(params));`);
  const { engine } = openClient(() => program.command);
  const cancel = new AbortController();
  const outcome = engine.request('runs/list', {}, cancel.signal).catch((error: unknown) => error);
  await until(() => existsSync(path.join(program.folder, 'asked')));
  cancel.abort();
  expect(isCancelled(await outcome)).toBe(true);
  const file = path.join(program.folder, 'cancelled');
  await until(() => existsSync(file) && readFileSync(file, 'utf8') !== '');
  expect(engine.state.kind).toBe('running');
  await engine.stop();
});
