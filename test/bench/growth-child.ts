/**
 * A run that grows as fast as it is taken in, with the engine's view of it and the extension host's session in this
 * process, whose heap is measured: `node --expose-gc test/bench/growth-child.ts RUN-FOLDER ITERATIONS AT-ONCE SAMPLE-EVERY`.
 * The sample events come first. What the page gets goes to the parent as JSON.
 */
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { RunEvent } from '../../engine/protocol.ts';
import { runPaths } from '../../engine/run/folder.ts';
import { inspectRun } from '../../engine/run/inspect.ts';
import { createObservation } from '../../engine/server/observation.ts';
import type { Engine } from '../../src/engine/engine.ts';
import type { Observer } from '../../src/views/panels/relay.ts';
import { createDashboardSession } from '../../src/views/panels/dashboard-session.ts';
import { openLongLog } from './inspect.ts';

/** Parent → child: what is repeated in the log; something of the page; a message or a sample was taken. */
export type ToGrowth =
  { type: 'sample'; events: RunEvent[] } | { type: 'page'; message: unknown } | { type: 'taken'; id: number };
/** Child → parent. */
export type FromGrowth =
  | { type: 'up' }
  | { type: 'send'; id: number; text: string }
  /** Bytes in use after a collection. */
  | { type: 'heap'; id: number; iterations: number; bytes: number }
  | { type: 'done' };

/** Columns as panels want them. */
const columns = 500;
const [folder] = process.argv.slice(2);
const [iterations, atOnce, sampleEvery] = process.argv.slice(3).map(Number);
const { gc } = globalThis;
if (!gc) throw new Error('needs node --expose-gc');

const taken = new Map<number, () => void>();
let last = 0;
const tell = (message: FromGrowth) => process.send!(message);
/** Resolves when the parent has taken it. */
const handOver = (make: (id: number) => FromGrowth) =>
  new Promise<void>((resolve) => {
    last += 1;
    taken.set(last, resolve);
    tell(make(last));
  });

const observation = createObservation(folder, columns);
let observer: Observer | null = null;
const nothing = { dispose: () => {} };
const silent = () => {};
const log = { trace: silent, info: silent, warn: console.error, error: console.error };
/** Answers what a session asks beside its observation. */
const engine = {
  ...{ state: { kind: 'running' }, onState: () => nothing, on: () => nothing },
  request: async (name: string) => {
    if (name !== 'run/inspect') throw new Error(`${name} is not asked here`);
    return JSON.parse(JSON.stringify(await inspectRun(folder))) as unknown;
  },
} as unknown as Engine;

const session = createDashboardSession(
  path.basename(folder),
  {
    ...{ engine, log, runs: { all: null, get: () => undefined, onChange: () => nothing } },
    observe(found) {
      observer = found;
      return nothing;
    },
  },
  {
    send: (message) => handOver((id) => ({ type: 'send', id, text: JSON.stringify(message) })),
    settings: () => ({ autoplay: false, trusted: true, refreshRate: 10 }),
    ...{ located: silent, shown: silent, failed: console.error, sources: async () => ({}) },
    ...{ carryOut: async () => {}, copy: async () => {}, save: async () => {}, openVideo: async () => {} },
  },
);

/** Reads what was written and hands it to the session as a client does, which gets text. */
async function pass(): Promise<void> {
  while (await observation.read());
  const told = await observation.tidings();
  if (told === null) return;
  if ('view' in told) observer!.onView(JSON.parse(JSON.stringify(told.view)));
  else observer!.onChange(JSON.parse(JSON.stringify(told.change)));
}

async function grow(sample: Map<string, RunEvent>): Promise<void> {
  while (observer === null) await sleep(10);
  const events = await openLongLog(runPaths(folder).events, sample);
  for (let done = 0; done < iterations;) {
    events.write(done + 1, done + atOnce);
    done += atOnce;
    const before = last;
    await pass();
    // The session sends ten times a second at most, and what comes in between as one.
    while (last === before || taken.size > 0) await sleep(5);
    if (done % sampleEvery !== 0) continue;
    await gc!({ type: 'major', execution: 'async' });
    const { heapUsed, external } = process.memoryUsage();
    await handOver((id) => ({ type: 'heap', id, iterations: done, bytes: heapUsed + external }));
  }
  events.close();
  session.dispose();
  tell({ type: 'done' });
  process.disconnect();
}

process.on('message', (message: ToGrowth) => {
  if (message.type === 'page') session.receive(message.message);
  else if (message.type === 'sample') void grow(new Map(message.events.map((event) => [event.kind, event])));
  else {
    taken.get(message.id)?.();
    taken.delete(message.id);
  }
});
process.once('disconnect', () => process.exit());
tell({ type: 'up' });
