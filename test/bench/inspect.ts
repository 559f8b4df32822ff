import { statSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { loadConfig } from '../../engine/config/load.ts';
import { openEventLog } from '../../engine/run/event-log.ts';
import type { EventBody, RunEvent } from '../../engine/run/events.ts';
import { createRun, runPaths } from '../../engine/run/folder.ts';
import { inspectRun } from '../../engine/run/inspect.ts';
import { collectProvenance } from '../../engine/run/provenance.ts';
import { spread, uniforms, type Spread } from './statistics.ts';
import { demoConfig, trainReal } from './training.ts';

export interface InspectResult {
  iterations: number;
  events: number;
  bytes: number;
  rounds: number;
  inspectMilliseconds: Spread;
  parseMilliseconds: Spread;
  /** Time of inspect over time of reading and parsing, by rounds. */
  ratio: Spread;
}

/**
 * Times `inspect` on a long run against reading its events file and JSON-parsing every line, taking turns. The file
 * repeats the events that a real short run wrote, with other numbers, at the demo's rhythm.
 */
export async function measureInspect(iterations: number, rounds: number): Promise<InspectResult> {
  const sample = await sampleEvents();
  const runs = await mkdtemp(path.join(os.tmpdir(), 'sage-bench-'));
  try {
    const { config, text } = loadConfig(demoConfig, [`training.iterations=${iterations}`]);
    const { folder } = await createRun(runs, 'long', text, config, await collectProvenance({ seed: 1 }));
    const file = runPaths(folder).events;
    await writeLongLog(file, sample, iterations);
    const inspectTimes: number[] = [];
    const parseTimes: number[] = [];
    let events = 0;
    for (let round = -1; round < rounds; round++) {
      const parse = await timed(async () => {
        events = (await parseOnce(file)).length;
      });
      const inspect = await timed(async () => {
        const summary = await inspectRun(folder);
        if (summary.iterations !== iterations) throw new Error(`inspect counts ${summary.iterations} iterations`);
      });
      // The first round warms both up.
      if (round < 0) continue;
      parseTimes.push(parse);
      inspectTimes.push(inspect);
    }
    return {
      iterations,
      events,
      bytes: statSync(file).size,
      rounds,
      inspectMilliseconds: spread(inspectTimes),
      parseMilliseconds: spread(parseTimes),
      ratio: spread(inspectTimes.map((time, i) => time / parseTimes[i])),
    };
  } finally {
    await rm(runs, { recursive: true, force: true });
  }
}

/** What reading a log is held against: the whole file as text, every line parsed, nothing checked. */
export async function parseOnce(file: string): Promise<RunEvent[]> {
  const text = await readFile(file, 'utf8');
  return text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as RunEvent);
}

export async function timed(work: () => Promise<void>): Promise<number> {
  const started = performance.now();
  await work();
  return performance.now() - started;
}

/** One event of each kind that fills a log, from a real run that is just long enough to refresh the anchor. */
export async function sampleEvents(overrides: readonly string[] = []): Promise<Map<string, RunEvent>> {
  const { events } = await trainReal(['training.iterations=4', 'evaluation.max_videos=24', ...overrides]);
  return new Map(events.map((event) => [event.kind, event]));
}

/** A log that grows. */
export interface LongLog {
  /** Appends iterations, and what else the demo's rhythm brings. */
  write(first: number, last: number): void;
  close(): void;
}

/** Begins a log that repeats the events of a real run, with other numbers, at the demo's rhythm. */
export async function openLongLog(file: string, sample: Map<string, RunEvent>): Promise<LongLog> {
  const uniform = uniforms(1);
  const log = await openEventLog(file);
  const append = (kind: string, iteration: number) => {
    const { seq: _seq, time: _time, v: _v, ...body } = sample.get(kind)!;
    log.append(varied({ ...body, iteration } as EventBody, uniform));
  };
  const logged = ['run_started', 'evaluation', 'evaluation_videos'];
  for (const kind of logged) append(kind, 0);
  const write = (first: number, last: number) => {
    for (let iteration = first; iteration <= last; iteration++) {
      if (iteration % 5 === 0) append('rollouts', iteration);
      append('anchor', iteration);
      append('iteration', iteration);
      if (iteration % 10 === 0) for (const kind of logged.slice(1)) append(kind, iteration);
    }
  };
  return { write, close: () => log.close() };
}

/** Writes such a log at once. */
export async function writeLongLog(file: string, sample: Map<string, RunEvent>, iterations: number): Promise<void> {
  const log = await openLongLog(file, sample);
  log.write(1, iterations);
  log.close();
}

/** The same event with other fractions, as long as real ones. */
function varied(body: EventBody, uniform: () => number): EventBody {
  const change = (_key: string, value: unknown) =>
    typeof value === 'number' && !Number.isInteger(value) ? value * (0.5 + uniform()) : value;
  return JSON.parse(JSON.stringify(body, change)) as EventBody;
}
