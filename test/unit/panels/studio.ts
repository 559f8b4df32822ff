/** Runs on disk and a real engine that serves them, for the sessions of panels. */
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { onTestFinished, vi } from 'vitest';
import type { RunGlance } from '../../../engine/protocol.ts';
import { openEventLog } from '../../../engine/run/event-log.ts';
import type { EventBody, VideoEntry } from '../../../engine/run/events.ts';
import { createRun, iterationName, updateRun } from '../../../engine/run/folder.ts';
import { takeLock } from '../../../engine/run/lock.ts';
import { createEngine } from '../../../src/engine/create.ts';
import type { Engine } from '../../../src/engine/engine.ts';
import { watchRuns } from '../../../src/engine/observe.ts';
import { localEngine } from '../../../src/hosts/local.ts';
import type { Runs } from '../../../src/studio.ts';
import { config, iterationEvent, provenance, temporaryFolder } from '../run/sample-run.ts';

export interface RunOnDisk {
  id: string;
  folder: string;
  append(...events: EventBody[]): void;
  iterate(first: number, last: number): void;
}

/** A run that has done some iterations and is finished; nothing was trained. A live one is held by this process. */
export async function makeRun(runs: string, name: string, iterations: number, live = false): Promise<RunOnDisk> {
  const { folder, id } = await createRun(runs, name, `name: ${name}\n`, { ...config, name }, provenance);
  const log = await openEventLog(path.join(folder, 'events.jsonl'));
  onTestFinished(() => log.close());
  const append = (...events: EventBody[]) => events.forEach((event) => log.append(event));
  const iterate = (first: number, last: number) => {
    for (let iteration = first; iteration <= last; iteration++) append(iterationEvent(iteration));
  };
  append({ kind: 'run_started', iteration: 0, runId: id });
  iterate(1, iterations);
  if (live) {
    const lock = await takeLock(folder);
    onTestFinished(() => lock.release());
  }
  await updateRun(folder, { status: live ? 'running' : 'finished' });
  return { id, folder, append, iterate };
}

export function videoEntry(file: string, generation = 0): VideoEntry {
  const seedKey = { seed: 42, stream: 0, iteration: 1, prompt: 0, generation };
  const scores = { reward: 0.5, components: { VQ: 0.5 }, advantage: 0.1, distance: 0.1 };
  return {
    file,
    poster: file.replace('.mp4', '.png'),
    prompt: '<b>a circle</b>',
    promptIndex: 0,
    generation,
    seedKey,
    ...scores,
  };
}

/** Logs rollouts, and writes those files that are named. */
export async function addRollouts(
  run: RunOnDisk,
  iteration: number,
  logged: string[],
  written: string[],
): Promise<void> {
  const folder = path.posix.join('rollouts', iterationName(iteration));
  await mkdir(path.join(run.folder, folder), { recursive: true });
  for (const file of written) await writeFile(path.join(run.folder, folder, file), 'not really a video');
  run.append({ kind: 'rollouts', iteration, folder, videos: logged.map((file, i) => videoEntry(file, i)) });
}

export interface Served {
  runsFolder: string;
  engine: Engine;
  runs: Runs;
  log: { lines: string[]; trace(line: string): void } & Record<'info' | 'warn' | 'error', (line: string) => void>;
}

/** A folder of runs and its engine, stopped; it ends with the test. */
export function serve(): Served {
  const runsFolder = path.join(temporaryFolder(), 'runs');
  const lines: string[] = [];
  const write = (line: string) => void lines.push(line);
  const log = { lines, trace: write, info: write, warn: write, error: write };
  const extensionFolder = path.resolve(import.meta.dirname, '../../..');
  const settings = { nodePath: process.execPath, pythonPath: '', runsFolder, folder: null, extensionFolder };
  const engine = createEngine({
    ...{ log, client: { name: 'test', version: '0' } },
    command: async () => ({
      ...localEngine(settings),
      argv: [path.join(extensionFolder, 'engine', 'cli.ts'), 'serve', '--stdio', '--runs', runsFolder],
    }),
  });
  const runs = listRuns(engine);
  onTestFinished(async () => {
    runs.dispose();
    await engine.stop();
    engine.dispose();
  });
  return { runsFolder, engine, runs, log };
}

function listRuns(engine: Engine): Runs & { dispose(): void } {
  let all: RunGlance[] | null = null;
  const listeners = new Set<() => void>();
  const set = (now: RunGlance[]) => {
    all = now;
    for (const listener of listeners) listener();
  };
  const watch = watchRuns(engine, {
    runs: (now) => set([...now]),
    changed({ changed, removed }) {
      const others = (all ?? []).filter(({ id }) => !removed.includes(id) && changed.every((run) => run.id !== id));
      set([...changed, ...others]);
    },
    refused: () => set([]),
    waiting: () => {},
  });
  return {
    get all() {
      return all;
    },
    get: (id) => all?.find((run) => run.id === id),
    onChange(listener) {
      const own = () => listener();
      listeners.add(own);
      return { dispose: () => void listeners.delete(own) };
    },
    dispose: () => watch.dispose(),
  };
}

/** Waits, as long as the machine may need, until something has a value. */
export function eventually<T>(look: () => T | undefined | null | false): Promise<T> {
  return vi.waitUntil(() => look() || false, { timeout: 60_000, interval: 20 }) as Promise<T>;
}
