/**
 * The extension host's side of a dashboard, in a process of its own: the real client with a real engine behind it, and the
 * session of the panel. What the page gets goes to the parent as JSON, as the editor sends it.
 *
 *   node test/bench/host-child.ts RUNS-FOLDER RUN
 */
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { packageRoot } from '../../engine/package-root.ts';
import { createEngine } from '../../src/engine/create.ts';
import { localEngine } from '../../src/hosts/local.ts';
import { createWatchedRuns } from '../../src/runs/watched.ts';
import { createDashboardSession } from '../../src/views/panels/dashboard-session.ts';
import { observerOf } from '../../src/views/panels/observation.ts';

/** Parent → host. */
export type ToHost =
  | { type: 'page'; message: unknown }
  /** The page has a message. */
  | { type: 'taken'; id: number }
  | { type: 'hide' }
  | { type: 'usage' }
  | { type: 'end' };

/** Host → parent. */
export type FromHost = { type: 'up' } | { type: 'send'; id: number; text: string } | ({ type: 'usage' } & HostUsage);

/** CPU seconds so far. */
export interface HostUsage {
  host: number;
  engine: number;
}

const [runsFolder, run] = process.argv.slice(2);
const tell = (message: FromHost) => process.send!(message);
const silent = () => {};
const log = { trace: silent, info: silent, warn: console.error, error: console.error };
const engine = createEngine({
  log,
  client: { name: 'bench', version: '0' },
  command: async () =>
    localEngine({
      ...{ nodePath: process.execPath, pythonPath: '', runsFolder, folder: null },
      extensionFolder: packageRoot(),
    }),
});
const runs = createWatchedRuns(engine);
const sent = new Map<number, () => void>();
let last = 0;

const session = createDashboardSession(
  run,
  { engine, runs, log, observe: observerOf(engine, run) },
  {
    send: (message) =>
      new Promise<void>((resolve) => {
        last += 1;
        sent.set(last, resolve);
        tell({ type: 'send', id: last, text: JSON.stringify(message) });
      }),
    settings: () => ({ autoplay: false, trusted: true, refreshRate: 10 }),
    located: silent,
    shown: silent,
    sources: async () => ({}),
    carryOut: async () => {},
    failed: (what, error) => console.error(what, error),
    copy: async () => {},
    save: async () => {},
    openVideo: async () => {},
  },
);

/** CPU seconds of the processes that this one has started, from the kernel's clock ticks of 10 ms. */
function childrenCpu(): number {
  const children = readFileSync(`/proc/${process.pid}/task/${process.pid}/children`, 'utf8').split(' ').filter(Boolean);
  const ticks = children.map((pid) => {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return Number(fields[11]) + Number(fields[12]);
  });
  return ticks.reduce((sum, each) => sum + each, 0) / 100;
}

process.on('message', (message: ToHost) => {
  if (message.type === 'page') session.receive(message.message);
  else if (message.type === 'hide') session.hide();
  else if (message.type === 'taken') {
    sent.get(message.id)?.();
    sent.delete(message.id);
  } else if (message.type === 'usage') {
    const { user, system } = process.cpuUsage();
    tell({ type: 'usage', host: (user + system) / 1e6, engine: childrenCpu() });
  } else void end();
});

let ending = false;

async function end(): Promise<void> {
  if (ending) return;
  ending = true;
  session.dispose();
  runs.dispose();
  await engine.stop();
  engine.dispose();
  if (process.connected) process.disconnect();
}

process.once('disconnect', () => void end());
await engine.start();
// The tree of runs is open beside a dashboard.
runs.watch();
while (runs.all === null) await sleep(10);
tell({ type: 'up' });
