import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'mocha';
import * as vscode from 'vscode';
import { protocolVersion as ours } from '../../../engine/protocol.ts';
import { defaultPolicy } from '../../../src/engine/policy.ts';
import type { EngineError, EngineState } from '../../../src/engine/engine.ts';
import type { ToDashboard } from '../../../webview/contract/dashboard.ts';
import { closePages, revive } from '../host/page.ts';
import { aPerson } from '../host/person.ts';
import { asEngine, ofLaterVersion, program, runBy } from '../host/programs.ts';
import { eventsOf, longRun, progressOf, recordOf, restLongRun, trainerOf } from '../host/runs.ts';
import { closeTabs, comesTo, eventually, isAlive, policy, studio } from '../host/studio.ts';

const call = <T>(command: string, ...args: unknown[]) => vscode.commands.executeCommand<T>(`sage.${command}`, ...args);
/** What it stands for is done by signals and programs of sh. */
const onPosix = process.platform === 'win32' ? describe.skip : describe;

async function pidOf(): Promise<number> {
  return (await comesTo('running')).hello.pid;
}

/** The states that the engine goes through from now on. */
async function states(): Promise<EngineState[]> {
  const { engine } = await studio();
  const seen: EngineState[] = [];
  const listener = engine.onState((state) => seen.push(state));
  listeners.push(listener);
  return seen;
}
const listeners: { dispose(): void }[] = [];

/** Restarts come fast and are soon given up, for the tests of a suite. */
function impatient(): void {
  before(() => (policy.restart = { first: 100, factor: 2, most: 400, limit: 2, healthyAfter: 60_000 }));
  after(() => (policy.restart = defaultPolicy.restart));
  afterEach(() => {
    for (const listener of listeners.splice(0)) listener.dispose();
  });
}

onPosix('sage-grpo serve', () => {
  before(async () => {
    await studio();
    await call('restartEngine');
  });
  impatient();
  after(async () => {
    await restLongRun();
    closePages();
    await closeTabs();
  });

  it('is one process; Restart Engine ends it and starts another', async () => {
    const first = await pidOf();
    await call('restartEngine');
    const second = await pidOf();
    assert.notEqual(second, first);
    assert.ok(!(await isAlive(first)) && (await isAlive(second)));
  });

  it('is started again when it is killed; the trainer goes on, and what was missed is caught up with', async () => {
    const { engine, runs } = await studio();
    const run = await longRun();
    const trainer = await trainerOf(run);
    const page = await revive<ToDashboard>('dashboard', { run });
    await page.isTold('view');
    const [first, seen] = [await pidOf(), await states()];
    process.kill(first, 'SIGKILL');
    const second = await eventually('another one runs', () =>
      engine.state.kind === 'running' && engine.state.hello.pid !== first ? engine.state.hello.pid : null,
    );
    assert.ok(await isAlive(second));
    assert.deepEqual(
      seen.map(({ kind }) => kind),
      ['backoff', 'starting', 'running'],
    );
    const [backoff] = seen as [Extract<EngineState, { kind: 'backoff' }>];
    assert.match(backoff.problem.message, /The engine ended by itself \(.*SIGKILL/);
    const told = page.told.filter((message) => message.type === 'connection').map(({ state }) => state);
    assert.deepEqual(told.slice(-3), ['disconnected', 'connecting', 'connected']);

    const missed = eventsOf(run).at(-1)!.seq;
    await page.isTold('view', ({ view }) => view.glance.lastSeq >= missed);
    await restLongRun();
    assert.equal(await trainerOf(run), trainer);
    const { seq } = eventsOf(run).at(-1)!;
    await eventually('the list of runs has it all', () => runs.get(run)?.lastSeq === seq);
    assert.equal(runs.get(run)!.iterations, progressOf(run).iterations);
    await eventually('the dashboard has it all', () =>
      page.told.some((message) => {
        if (message.type === 'view') return message.view.glance.lastSeq === seq;
        return message.type === 'change' && message.change.glance.lastSeq === seq;
      }),
    );
    await eventually('its title says that it rests', () => page.panel.title === 'long · paused');
  });

  it('answers what was asked of it before it was killed, when it has been started again', async () => {
    const { engine } = await studio();
    const pid = await pidOf();
    process.kill(pid, 'SIGSTOP');
    const asked = engine.request('runs/list', {});
    process.kill(pid, 'SIGKILL');
    const { runs } = await asked;
    assert.ok(runs.length > 0);
  });

  it('killed in the middle of something that acts: it is said that nobody knows whether it was done', async () => {
    const { engine } = await studio();
    await call('restartEngine');
    const run = await longRun();
    const pid = await pidOf();
    process.kill(pid, 'SIGSTOP');
    const pausing = engine.request('run/control', { run, request: 'pause' });
    const failing = assert.rejects(pausing, ({ problem }: EngineError) => {
      assert.match(
        problem.message,
        /The engine ended before it answered run\/control; whether that was done is not known/,
      );
      assert.match(problem.remedy, /Look at the status of the run/);
      return true;
    });
    // Now it is on its way.
    await new Promise((resolve) => setImmediate(resolve));
    process.kill(pid, 'SIGKILL');
    await failing;
    await comesTo('running');
    assert.ok(['running', 'paused'].includes(recordOf(run).status));
  });

  it('that hangs is noticed, killed and started again; the trainer goes on', async () => {
    const run = await longRun();
    policy.heartbeat = { every: 200, quiet: 4000, unanswered: 8000 };
    await call('restartEngine');
    policy.heartbeat = defaultPolicy.heartbeat;
    const [first, seen] = [await pidOf(), await states()];
    const { iterations } = progressOf(run);
    process.kill(first, 'SIGSTOP');
    const backoff = await eventually('it is noticed', () => seen.find((state) => state.kind === 'backoff'));
    assert.match(backoff.problem.message, /The engine did not answer for \d+ s and was ended/);
    assert.notEqual(await pidOf(), first);
    assert.equal(await isAlive(first), false);
    await eventually('the trainer has gone on', () => progressOf(run).iterations > iterations);
  });

  it('ends when it is told to, as it is when the window closes; the trainer goes on', async () => {
    const { engine } = await studio();
    const run = await longRun();
    const trainer = await trainerOf(run);
    const pid = await pidOf();
    await engine.stop();
    assert.equal(await isAlive(pid), false);
    assert.equal(await trainerOf(run), trainer);
    const { iterations } = progressOf(run);
    await eventually('the trainer has gone on', () => progressOf(run).iterations > iterations);
    // The next request starts it.
    assert.ok(await call('pause', run));
  });
});

onPosix('a program in the setting sage.engine.nodePath', () => {
  const person = aPerson();
  impatient();
  before(async () => (await studio()).engine.start());
  afterEach(async () => {
    policy.hello = defaultPolicy.hello;
    await runBy(null);
    await comesTo('running');
  });
  after(closeTabs);

  it('that is a Node runs the engine as soon as it is set', async () => {
    const before = await pidOf();
    const through = program('through', asEngine);
    await runBy(through.file);
    await eventually('it was started', () => through.starts() === 1);
    assert.notEqual(await pidOf(), before);
    assert.equal(await isAlive(before), false);
    assert.ok((await call<unknown[]>('doctor')).length > 0);
  });

  const thrice = ['starting', 'backoff', 'starting', 'backoff', 'starting', 'crashed'];
  const once = ['starting', 'crashed'];
  const cases: { that: string; body: string; says: RegExp; remedy: RegExp; states: string[] }[] = [
    {
      that: 'greets on standard output before it is the engine',
      body: `echo 'Now using node v22.1.0'\n${asEngine}`,
      says: /does not keep to the protocol and was ended: .*Now using node v22\.1\.0/,
      remedy: /the Node in the setting sage\.engine\.nodePath prints nothing of its own/,
      states: thrice,
    },
    {
      that: 'prints garbage without an end',
      body: 'exec cat /dev/urandom',
      says: /does not keep to the protocol and was ended/,
      remedy: /sage\.engine\.nodePath/,
      states: thrice,
    },
    {
      that: 'speaks a later version of the protocol',
      body: ofLaterVersion,
      says: new RegExp(`The editor speaks version ${ours} of the protocol, the engine version ${ours + 1}\\.`),
      remedy: /Install the same version of SAGE Studio/,
      states: once,
    },
    {
      that: 'ends at once',
      body: "echo 'SyntaxError: this Node is too old' >&2; exit 3",
      says: /failed 3 times in a row and is not started again.*exit code 3.*SyntaxError: this Node is too old/s,
      remedy: /log of the engine/,
      states: thrice,
    },
    {
      that: 'says nothing',
      body: 'exec sleep 600',
      says: /did not say hello within 1 s/,
      remedy: /log of the engine/,
      states: thrice,
    },
  ];
  for (const { that, body, says, remedy, states: expected } of cases)
    it(`that ${that} is named as what is wrong, and nothing breaks`, async () => {
      const { runs, tree: treeShown } = await studio();
      const tree = await treeShown();
      await eventually('runs are known', () => runs.all);
      const known = runs.all!.length;
      const seen = await states();
      const bad = program(that.replaceAll(' ', '-'), body);
      if (that === 'says nothing') policy.hello = 1000;
      await runBy(bad.file);
      const { problem } = await comesTo('crashed');
      assert.match(problem.message, says);
      assert.match(problem.remedy, remedy);
      assert.deepEqual(
        seen.map(({ kind }) => kind).filter((kind) => !['stopping', 'stopped'].includes(kind)),
        expected,
      );
      assert.equal(bad.starts(), expected === once ? 1 : 3);

      const doctor = person.closes(call('doctor'));
      assert.equal((await person.hears(says)).kind, 'Error');
      assert.equal(await doctor, undefined);
      assert.equal(runs.all!.length, known);
      await eventually('the tree says so', () => tree.message?.includes('The engine does not run'));
    });

  it('that is not there is named, and setting it right starts the engine', async () => {
    await runBy('/no/such/node');
    const { problem } = await comesTo('crashed');
    assert.match(problem.message, /\/no\/such\/node: there is no such program/);
    assert.match(problem.remedy, /sage\.engine\.nodePath/);
    await runBy(null);
    await comesTo('running');
    assert.ok((await call<unknown[]>('doctor')).length > 0);
  });
});
