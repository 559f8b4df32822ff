import { closeSync, cpSync, openSync, readdirSync, readFileSync, readSync, statSync, writeFileSync } from 'node:fs';
import { mkdtemp, open, readdir, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { loadConfig } from '../../engine/config/load.ts';
import type { RunEvent } from '../../engine/run/events.ts';
import { createRun, runPaths, updateRun } from '../../engine/run/folder.ts';
import { collectProvenance } from '../../engine/run/provenance.ts';
import { createObservations } from '../../engine/server/observations.ts';
import { listGlances } from '../../engine/server/runs.ts';
import { parseOnce, sampleEvents, timed, writeLongLog } from './inspect.ts';
import { spread, type Spread } from './statistics.ts';
import { demoConfig } from './training.ts';

export interface ViewResult {
  iterations: number;
  steps: number;
  columns: number;
  events: number;
  bytes: number;
  /** Of the message with the view, as text. */
  messageBytes: number;
  rounds: number;
  viewMilliseconds: Spread;
  parseMilliseconds: Spread;
  /** Time from the observation's start to the serialised view over time of reading and parsing, by rounds. */
  ratio: Spread;
}

export interface ListingResult {
  runs: number;
  rounds: number;
  listMilliseconds: Spread;
  walkMilliseconds: Spread;
  /** The same walk by calls that block the process: the floor of what a file system takes. */
  blockingWalkMilliseconds: Spread;
  /** Time of the list over time of the bare walk, by rounds. */
  ratio: Spread;
}

const columns = 500;

/** Gives a folder for runs, which goes afterwards. */
export async function withRuns<T>(work: (runs: string) => Promise<T>): Promise<T> {
  const runs = await mkdtemp(path.join(os.tmpdir(), 'sage-bench-'));
  try {
    return await work(runs);
  } finally {
    await rm(runs, { recursive: true, force: true });
  }
}

/** A run of so many iterations without a log. @returns its folder */
export async function makeRun(
  runs: string,
  iterations: number,
  status: 'finished' | 'running' = 'finished',
): Promise<string> {
  const { config, text } = loadConfig(demoConfig, [`training.iterations=${iterations}`]);
  const { folder } = await createRun(runs, 'long', text, config, await collectProvenance({ seed: 1 }));
  return (await updateRun(folder, { status })) && folder;
}

const samples = new Map<number, Promise<Map<string, RunEvent>>>();

/** Events of a run whose iterations explore so many steps; trained once. */
export function sampleWithSteps(steps: number): Promise<Map<string, RunEvent>> {
  const known = samples.get(steps) ?? trainedSample(steps);
  samples.set(steps, known);
  return known;
}

async function trainedSample(steps: number): Promise<Map<string, RunEvent>> {
  // The last step of a schedule is not explored.
  const sample = await sampleEvents([`sampling.steps=${steps + 1}`, 'training.steps_per_sample=null']);
  const iteration = sample.get('iteration');
  if (iteration?.kind !== 'iteration' || iteration.steps.length !== steps)
    throw new Error(`the sample does not explore ${steps} steps`);
  return sample;
}

/** All in turn, the first round to warm up: milliseconds of each, by rounds. */
async function inTurn(rounds: number, ...works: (() => Promise<void>)[]): Promise<number[][]> {
  const times: number[][] = works.map(() => []);
  for (let round = -1; round < rounds; round++)
    for (const [i, work] of works.entries()) {
      const time = await timed(work);
      if (round >= 0) times[i].push(time);
    }
  return times;
}

/** Observes a run as the server does, until its view is a message; the bytes of that. */
function viewOnce(folder: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const observations = createObservations({
      async view(view) {
        observations.close();
        resolve(JSON.stringify({ jsonrpc: '2.0', method: 'run/view', params: view }).length);
      },
      changed: async () => {},
      unobservable: async (_, problem) => reject(new Error(problem.message)),
    });
    observations.add(folder, columns);
  });
}

/**
 * Times the engine's data path for a dashboard (read, check, fold, judge the health, serialise) on a long finished run
 * against reading its events file and JSON-parsing every line, taking turns.
 */
export async function measureView(iterations: number, steps: number, rounds: number): Promise<ViewResult> {
  const sample = await sampleWithSteps(steps);
  return withRuns(async (runs) => {
    const folder = await makeRun(runs, iterations);
    const file = runPaths(folder).events;
    await writeLongLog(file, sample, iterations);
    let events = 0;
    let messageBytes = 0;
    const [parse, view] = await inTurn(
      rounds,
      async () => void (events = (await parseOnce(file)).length),
      async () => void (messageBytes = await viewOnce(folder)),
    );
    return {
      ...{ iterations, steps, columns, events, bytes: statSync(file).size, messageBytes, rounds },
      viewMilliseconds: spread(view),
      parseMilliseconds: spread(parse),
      ratio: spread(view.map((time, i) => time / parse[i])),
    };
  });
}

/** What listing is held against: the names, and the first bytes of a file of each, while others can be served. */
async function walk(runs: string): Promise<void> {
  const buffer = Buffer.alloc(4096);
  for (const name of await readdir(runs)) {
    const handle = await open(path.join(runs, name, 'run.json'));
    await handle.read(buffer, 0, buffer.length, 0);
    await handle.close();
  }
}

async function blockingWalk(runs: string): Promise<void> {
  const buffer = Buffer.alloc(4096);
  for (const name of readdirSync(runs)) {
    const fd = openSync(path.join(runs, name, 'run.json'), 'r');
    readSync(fd, buffer, 0, buffer.length, 0);
    closeSync(fd);
  }
}

/** Times `runs/list` of many finished runs against a bare walk with one small read each, taking turns. */
export async function measureListing(count: number, rounds: number): Promise<ListingResult> {
  const sample = await sampleEvents();
  return withRuns(async (runs) => {
    const folder = await makeRun(runs, 20);
    await writeLongLog(runPaths(folder).events, sample, 20);
    const record = readFileSync(runPaths(folder).run, 'utf8');
    for (let i = 1; i < count; i++) {
      const copy = path.join(runs, `long-20260101-${String(i).padStart(6, '0')}`);
      cpSync(folder, copy, { recursive: true });
      writeFileSync(runPaths(copy).run, record.replaceAll(path.basename(folder), path.basename(copy)));
    }
    const list = async () => {
      const listed = await listGlances(runs);
      if (JSON.stringify(listed).split('"broken":null').length !== count + 1) throw new Error('a run is not listed');
    };
    const [walks, lists, floor] = await inTurn(
      rounds,
      () => walk(runs),
      list,
      () => blockingWalk(runs),
    );
    return {
      runs: count,
      rounds,
      listMilliseconds: spread(lists),
      walkMilliseconds: spread(walks),
      blockingWalkMilliseconds: spread(floor),
      ratio: spread(lists.map((time, i) => time / walks[i])),
    };
  });
}
