import { existsSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { defaultPolicy, restartDelay } from '../../../src/engine/policy.ts';
import { temporaryFolder, until } from '../../e2e/support.ts';
import { impostor, isAlive, openClient, openServe, problemWith } from './client.ts';

function pidOf(client: ReturnType<typeof openClient>): number {
  const { state } = client.engine;
  if (state.kind !== 'running') throw new Error(`it is ${state.kind}`);
  return state.hello.pid;
}

test('the real engine starts once however many ask for it, answers, restarts as another process, and stops', async () => {
  const client = openServe(temporaryFolder());
  const { engine, states } = client;
  expect(engine.state).toEqual({ kind: 'stopped' });
  const answers = await Promise.all([engine.start(), engine.start(), engine.request('runs/list', {})]);
  expect(answers[2]).toEqual({ runs: [] });
  expect(client.log.filter(({ text }) => text.startsWith('starting on this machine'))).toHaveLength(1);
  const first = pidOf(client);
  await engine.restart();
  const second = pidOf(client);
  expect(second).not.toBe(first);
  expect(isAlive(first)).toBe(false);
  await Promise.all([engine.stop(), engine.stop()]);
  expect(isAlive(second)).toBe(false);
  const once = ['starting', 'running', 'stopping', 'stopped'];
  expect(states).toEqual([...once, ...once]);
  expect(client.logged()).toContain('the editor has gone');
});

test('a start while it stops waits for the end and then starts', async () => {
  const client = openServe(temporaryFolder());
  const { engine, states } = client;
  await engine.start();
  const first = pidOf(client);
  const stopped = engine.stop();
  await Promise.all([engine.start(), engine.start()]);
  await stopped;
  expect(isAlive(first)).toBe(false);
  expect(states).toEqual(['starting', 'running', 'stopping', 'stopped', 'starting', 'running']);
  await engine.stop();
});

test('a stop while it starts cancels the start', async () => {
  const program = impostor("first('began'); delete handlers['engine/hello'];");
  const { engine, states } = openClient(() => program.command);
  const starting = problemWith(engine.start());
  const asking = problemWith(engine.request('runs/list', {}));
  await until(() => existsSync(path.join(program.folder, 'began')));
  await engine.stop();
  expect(await starting).toMatchObject({ code: 'engine/stopped' });
  expect(await asking).toMatchObject({ code: 'engine/stopped' });
  expect(states).toEqual(['starting', 'stopping', 'stopped']);
  expect(program.pids().filter(isAlive)).toEqual([]);
});

test('a stop while the settings are asked for ends the wait', async () => {
  const { engine } = openClient(() => new Promise<never>(() => {}));
  const starting = problemWith(engine.start());
  await engine.stop();
  expect(await starting).toMatchObject({ code: 'engine/stopped' });
});

test('a stop while it waits to start again ends the wait', async () => {
  const program = impostor('process.exit(1)');
  const policy = { ...defaultPolicy, restart: { ...defaultPolicy.restart, first: 600_000, most: 600_000 } };
  const { engine, states } = openClient(() => program.command, policy);
  const starting = problemWith(engine.start());
  await until(() => engine.state.kind === 'backoff');
  await engine.stop();
  expect(await starting).toMatchObject({ code: 'engine/stopped' });
  expect(states).toEqual(['starting', 'backoff', 'stopping', 'stopped']);
  expect(program.pids()).toHaveLength(1);
});

test('once disposed it stays ended', async () => {
  const program = impostor('');
  const { engine } = openClient(() => program.command);
  await engine.start();
  engine.dispose();
  await until(() => engine.state.kind === 'stopped');
  expect(await problemWith(engine.start())).toMatchObject({ code: 'engine/stopped' });
  expect(await problemWith(engine.request('runs/list', {}))).toMatchObject({ code: 'engine/stopped' });
  expect(program.pids()).toHaveLength(1);
  expect(program.pids().filter(isAlive)).toEqual([]);
});

test('settings are asked for anew at each start, and what is wrong with them is final until a person starts it', async () => {
  const program = impostor('');
  let broken = true;
  const { engine, states } = openClient(() => {
    if (broken) throw new Error('the setting sage.runsFolder is not a path.');
    return program.command;
  });
  expect((await problemWith(engine.start())).message).toContain('sage.runsFolder is not a path');
  expect(states).toEqual(['starting', 'crashed']);
  broken = false;
  await engine.start();
  expect(engine.state.kind).toBe('running');
  await engine.stop();
});

test('a listener that fails disturbs nobody', async () => {
  const program = impostor(
    "setInterval(() => send({ method: 'runs/changed', params: { changed: [], removed: [] } }), 20);",
  );
  const { engine, logged } = openClient(() => program.command);
  engine.onState(() => {
    throw new Error('of states');
  });
  engine.on('runs/changed', () => {
    throw new Error('of runs');
  });
  let told = 0;
  const listener = engine.on('runs/changed', () => (told += 1));
  await engine.start();
  await until(() => told > 1);
  listener.dispose();
  expect(engine.state.kind).toBe('running');
  await engine.stop();
  expect(logged()).toContain('of states');
  expect(logged()).toContain('of runs');
});

test('restarts come later and later, up to half a minute', () => {
  const delays = [1, 2, 3, 4, 5, 6].map((failures) => restartDelay(defaultPolicy.restart, failures));
  expect(delays[0]).toBe(500);
  expect([...delays].sort((a, b) => a - b)).toEqual(delays);
  expect(delays.at(-1)).toBe(30_000);
});
