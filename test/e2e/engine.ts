import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import path from 'node:path';
import { afterAll } from 'vitest';
import {
  createMessageConnection,
  CancellationTokenSource,
  ResponseError,
  StreamMessageReader,
  StreamMessageWriter,
} from 'vscode-jsonrpc/node';
import {
  errorData,
  notifications,
  protocolVersion,
  requests,
  type NotificationOf,
  type ParamsOf,
  type Problem,
  type RequestName,
  type ResultOf,
  type RunEvent,
  type RunGlance,
  type RunView,
} from '../../engine/protocol.ts';
import { keepChange } from '../support/kept-view.ts';
import { program } from './support.ts';

const observedColumns = 100;
const engines = new Set<ChildProcess>();
const trainers = new Set<number>();

afterAll(() => {
  for (const child of engines) child.kill('SIGKILL');
  // A trainer leads its group; one that is done is no longer there.
  for (const pid of trainers) {
    try {
      process.kill(-pid, 'SIGKILL');
    } catch {
      continue;
    }
  }
});

/** What has come of one subscription, as a client keeps it. */
export interface Followed {
  events: RunEvent[];
  /** Sizes of the pages. */
  pages: number[];
  caughtUp: boolean;
  restarts: number;
  problem: Problem | null;
}

/** What one observation shows, kept as a dashboard keeps it. */
export interface Observed {
  view: RunView | null;
  /** Times at which the view began anew, the first included. */
  begins: number;
  /** Messages that came. */
  messages: number;
  problem: Problem | null;
}

/** An engine in a process of its own, and a client of it that checks all it receives. */
export interface Engine {
  child: ChildProcess;
  stderr(): string;
  ask<Name extends RequestName>(name: Name, params: ParamsOf<Name>): Promise<ResultOf<Name>>;
  /** The error of a request that must fail. */
  refusal<Name extends RequestName>(name: Name, params: ParamsOf<Name>): Promise<Problem>;
  askCancellably<Name extends RequestName>(
    name: Name,
    params: ParamsOf<Name>,
  ): { answer: Promise<ResultOf<Name>>; cancel(): void };
  follow(run: string, from?: { fromSeq: number; lastTime?: string; pageEvents?: number }): Promise<Followed>;
  observe(run: string): Promise<Observed & { observation: number }>;
  launch(params: ParamsOf<'run/launch'>): Promise<ResultOf<'run/launch'>>;
  resume(params: ParamsOf<'run/resume'>): Promise<ResultOf<'run/resume'>>;
  /** All that `runs/changed` told. */
  changes: NotificationOf<'runs/changed'>[];
  /** The runs as `runs/watch` and what it told since have them. */
  watched: Map<string, RunGlance>;
  watch(): Promise<void>;
  /** Closes its input and waits for its end. */
  close(): Promise<number | null>;
}

/** Starts an engine without saying hello. */
export function startEngine(runs: string): { child: ChildProcess; stderr: () => string } {
  const child = spawn(process.execPath, [program, 'serve', '--stdio', '--runs', runs], {
    stdio: ['pipe', 'pipe', 'pipe'],
    cwd: path.dirname(runs),
  });
  engines.add(child);
  child.once('exit', () => engines.delete(child));
  let text = '';
  child.stderr!.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
  return { child, stderr: () => text };
}

export function ended(child: ChildProcess): Promise<number | null> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve(child.exitCode);
  return new Promise((resolve) => child.once('exit', (code) => resolve(code)));
}

/** Starts an engine and says hello. */
export async function openEngine(runs: string): Promise<Engine> {
  const { child, stderr } = startEngine(runs);
  const connection = createMessageConnection(
    new StreamMessageReader(child.stdout!),
    new StreamMessageWriter(child.stdin!),
  );
  // A killed engine fails the requests that are open; tests look at those.
  connection.onError(() => {});
  const followed = new Map<number, Followed>();
  const changes: Engine['changes'] = [];
  const watched = new Map<string, RunGlance>();
  // Pages may come right behind the answer that names their subscription.
  const of = (subscription: number) => {
    const known = followed.get(subscription) ?? { events: [], pages: [], caughtUp: false, restarts: 0, problem: null };
    followed.set(subscription, known);
    return known;
  };
  connection.onNotification('run/events', (params: unknown) => {
    const page = notifications['run/events'].parse(params);
    const state = of(page.subscription);
    if (page.restarted) {
      state.events.length = 0;
      state.restarts += 1;
    }
    state.events.push(...page.events);
    state.pages.push(page.events.length);
    state.caughtUp = page.caughtUp;
  });
  connection.onNotification('run/unreadable', (params: unknown) => {
    const { subscription, problem } = notifications['run/unreadable'].parse(params);
    of(subscription).problem = problem;
  });
  const observed = new Map<number, Observed & { observation: number }>();
  const seenBy = (observation: number) => {
    const known = observed.get(observation) ?? { observation, view: null, begins: 0, messages: 0, problem: null };
    observed.set(observation, known);
    return known;
  };
  connection.onNotification('run/view', (params: unknown) => {
    const { observation, view } = notifications['run/view'].parse(params);
    const state = seenBy(observation);
    state.messages += 1;
    state.view = view;
    state.begins += 1;
  });
  connection.onNotification('run/viewChanged', (params: unknown) => {
    const { observation, change } = notifications['run/viewChanged'].parse(params);
    const state = seenBy(observation);
    state.messages += 1;
    if (!state.view) throw new Error('a change came before the view');
    keepChange(state.view, change, observedColumns);
  });
  connection.onNotification('run/unobservable', (params: unknown) => {
    const { observation, problem } = notifications['run/unobservable'].parse(params);
    seenBy(observation).problem = problem;
  });
  connection.onNotification('runs/changed', (params: unknown) => {
    const change = notifications['runs/changed'].parse(params);
    changes.push(change);
    for (const run of change.changed) watched.set(run.id, run);
    for (const id of change.removed) watched.delete(id);
  });
  connection.listen();

  async function ask<Name extends RequestName>(name: Name, params: ParamsOf<Name>): Promise<ResultOf<Name>> {
    return requests[name].result.parse(await connection.sendRequest(name, params)) as ResultOf<Name>;
  }
  async function refusal<Name extends RequestName>(name: Name, params: ParamsOf<Name>): Promise<Problem> {
    try {
      await connection.sendRequest(name, params);
    } catch (error) {
      if (!(error instanceof ResponseError)) throw error;
      return { ...errorData.parse(error.data), message: error.message };
    }
    throw new Error(`${name} was not refused`);
  }
  const started = async (answer: Promise<ResultOf<'run/launch'>>) => {
    const { pid } = await answer;
    trainers.add(pid);
    return answer;
  };
  await ask('engine/hello', { protocolVersion, client: { name: 'the tests', version: '1' } });
  return {
    child,
    stderr,
    ask,
    refusal,
    changes,
    watched,
    askCancellably(name, params) {
      const source = new CancellationTokenSource();
      const answer = connection.sendRequest(name, params, source.token).then((r) => requests[name].result.parse(r));
      return { answer: answer as never, cancel: () => source.cancel() };
    },
    async follow(run, from) {
      return of((await ask('run/subscribe', { run, ...from })).subscription);
    },
    async observe(run) {
      return seenBy((await ask('run/observe', { run, columns: observedColumns })).observation);
    },
    launch: (params) => started(ask('run/launch', params)),
    resume: (params) => started(ask('run/resume', params)),
    async watch() {
      for (const run of (await ask('runs/watch', {})).runs) watched.set(run.id, run);
    },
    async close() {
      child.stdin!.end();
      return ended(child);
    },
  };
}
