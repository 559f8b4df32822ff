/** Run folders that someone filled with junk, seen through the server: it answers, stays small, and shows the other runs. */
import { execFileSync } from 'node:child_process';
import {
  closeSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import type { ParamsOf, Problem, RequestName } from '../../engine/protocol.ts';
import { openEventLog } from '../../engine/run/event-log.ts';
import { createRun, runPaths, updateRun } from '../../engine/run/folder.ts';
import { evaluationEvent, iterationEvent, provenance, config as sampleConfig } from '../unit/run/sample-run.ts';
import { openEngine, type Engine } from './engine.ts';
import { temporaryFolder, until } from './support.ts';

const size = 100e6;
const files = 100_000;
/** Resident memory that the server may ever have had, in MiB. */
const mostMemory = 1024;

let runs: string;
let engine: Engine;

async function addRun(name: string, status: 'finished' | 'running' = 'finished'): Promise<string> {
  const { folder } = await createRun(runs, name, `name: ${name}\n`, sampleConfig, provenance);
  await updateRun(folder, { status });
  return folder;
}

/** Writes lines until there are 100 MB of them. */
function fill(file: string, line: (number: number) => string): string {
  const fd = openSync(file, 'w');
  let number = 1;
  for (let done = 0; done < size;) {
    let text = '';
    while (text.length < 1 << 20) text += line(number++);
    done += writeSync(fd, text);
  }
  closeSync(fd);
  return file;
}

function eventLine(number: number, body: object): string {
  const stamp = { seq: number, time: '2026-01-01T00:00:00.000Z', v: 1, iteration: number };
  return `${JSON.stringify({ ...stamp, ...body, iteration: number })}\n`;
}

/** Peak of resident memory, MiB; null where the system does not say. */
function peakMemory(pid: number): number | null {
  if (process.platform !== 'linux') return null;
  return Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]) / 1024;
}

/** What a request ends in: `data`, or the code of its problem. */
async function outcome<Name extends RequestName>(name: Name, params: ParamsOf<Name>): Promise<string> {
  try {
    await engine.ask(name, params);
    return 'data';
  } catch (error) {
    const { data } = error as { data?: Problem };
    if (!data) throw error;
    return data.code;
  }
}

/** Asks all that is asked of a run, and what each question ends in. */
async function everything(run: string): Promise<Record<string, string>> {
  const seen = await engine.observe(run);
  const followed = await engine.follow(run);
  const outcomes = {
    inspect: await outcome('run/inspect', { run }),
    checkpoints: await outcome('run/checkpoints', { run }),
    series: await outcome('run/series', { run, first: 1, last: 1e6, columns: 100 }),
    videos: await outcome('run/videos', { run, kind: 'rollouts', iteration: 5 }),
    events: await outcome('run/readFile', { run, path: 'events.jsonl', offset: size - 1000 }),
    config: await outcome('run/readFile', { run, path: 'config.sage.yaml', offset: 0 }),
    validate: await outcome('config/validate', { file: path.join(runs, run, 'config.sage.yaml') }),
    rollouts: await outcome('run/listFiles', { run, path: 'rollouts' }),
    control: await outcome('run/control', { run, request: 'pause' }),
    deletable: await outcome('run/deletable', { run }),
    compare: await outcome('runs/compare', { runs: [run, path.basename(healthy)] }),
  };
  await until(() => (seen.view ?? seen.problem) !== null && (followed.caughtUp || followed.problem !== null));
  await engine.ask('run/unobserve', { observation: seen.observation });
  const health = seen.problem?.code ?? 'data';
  return { ...outcomes, observe: health, subscribe: followed.problem?.code ?? 'data' };
}

/** A run that can be read, but that no trainer has. */
const sound = {
  ...{ inspect: 'data', checkpoints: 'data', series: 'data', videos: 'videos/unknown', events: 'file/missing' },
  ...{
    config: 'data',
    validate: 'data',
    rollouts: 'data',
    control: 'run/no-trainer',
    deletable: 'data',
    compare: 'data',
  },
  ...{ observe: 'data', subscribe: 'data' },
};

let healthy: string;
/** One file of 100 MB, without a line end. JSON that never closes is what a parser has most trouble with. */
let brackets: string;

beforeAll(async () => {
  const folder = temporaryFolder();
  runs = path.join(folder, 'runs');
  brackets = path.join(folder, 'brackets');
  writeFileSync(brackets, Buffer.alloc(size, '['));
  healthy = await addRun('healthy');
  const log = await openEventLog(runPaths(healthy).events);
  for (let iteration = 1; iteration <= 3; iteration++) log.append(iterationEvent(iteration));
  log.close();
  engine = await openEngine(runs);
  return async () => void (await engine.close());
});

/** Asks everything of a run; then the server must be as it was, and the healthy run to be seen. */
async function survives(run: string): Promise<Record<string, string>> {
  try {
    const outcomes = await everything(path.basename(run));
    const { runs: listed } = await engine.ask('runs/list', {});
    expect(listed.map(({ id }) => id).sort()).toEqual([healthy, run].map((each) => path.basename(each)).sort());
    expect(listed.find(({ name }) => name === 'healthy')).toMatchObject({ broken: null, iterations: 3 });
    expect(engine.child.exitCode).toBeNull();
    expect(peakMemory(engine.child.pid!) ?? 0).toBeLessThan(mostMemory);
    return outcomes;
  } finally {
    rmSync(run, { recursive: true });
  }
}

describe('100 MB of junk', () => {
  const corrupt = {
    ...{ inspect: 'events/corrupt', series: 'events/corrupt', compare: 'events/corrupt' },
    ...{ observe: 'events/corrupt', subscribe: 'events/corrupt', events: 'data' },
  };

  test('in many lines of the event log', async () => {
    const run = await addRun('lines');
    fill(runPaths(run).events, () => 'x\n');
    expect(await survives(run)).toEqual({ ...sound, ...corrupt });
  });

  test('in one line of the event log that never ends', async () => {
    const run = await addRun('line');
    linkSync(brackets, runPaths(run).events);
    expect(await survives(run)).toEqual({ ...sound, ...corrupt, videos: 'events/corrupt' });
  });

  test('in valid events: what is too much for one message is a problem, and the rest is shown', async () => {
    const run = await addRun('warnings');
    const warning = { kind: 'warning', code: 'test/c', remedy: 'r' };
    fill(runPaths(run).events, (n) => eventLine(n, { ...warning, message: `${n} ${'w'.repeat(1000)}` }));
    const tooMuch = 'protocol/too-large';
    expect(await survives(run)).toEqual({ ...sound, events: 'data', inspect: tooMuch, compare: tooMuch });
  });

  test('in names: a dashboard is told that it is too much', async () => {
    const run = await addRun('names');
    const evaluation = evaluationEvent(1, 0.5);
    const name = '<i>'.repeat(1e6);
    fill(runPaths(run).events, (n) => eventLine(n, { ...evaluation, components: { [`${n} ${name}`]: 1 } }));
    const tooMuch = 'protocol/too-large';
    expect(await survives(run)).toEqual({ ...sound, events: 'data', observe: tooMuch, compare: tooMuch });
  });

  test('in run.json', async () => {
    const run = await addRun('record-20260101-000000');
    rmSync(runPaths(run).run);
    linkSync(brackets, runPaths(run).run);
    const broken = 'run/broken';
    expect(await survives(run)).toEqual({ ...sound, inspect: broken, observe: broken, compare: broken });
  });

  test('in the config as launched', async () => {
    const run = await addRun('config');
    rmSync(runPaths(run).config);
    linkSync(brackets, runPaths(run).config);
    const file = runPaths(run).config;
    const { diagnostics } = await engine.ask('config/validate', { file });
    expect(diagnostics).toMatchObject([{ severity: 'error', code: 'config/too-large' }]);
    expect(await engine.refusal('run/launch', { file })).toMatchObject({ code: 'config/too-large' });
    expect(await survives(run)).toEqual(sound);
  });

  test('in the lock and the address of the trainer', async () => {
    const run = await addRun('lock', 'running');
    linkSync(brackets, runPaths(run).lock);
    linkSync(brackets, path.join(run, 'control.json'));
    expect(await survives(run)).toEqual(sound);
  });

  test('in the manifest of a checkpoint', async () => {
    const run = await addRun('manifest');
    const checkpoint = path.join(runPaths(run).checkpoints, '000001');
    mkdirSync(checkpoint);
    for (const name of ['manifest.json', 'state.json']) linkSync(brackets, path.join(checkpoint, name));
    const { checkpoints } = await engine.ask('run/checkpoints', { run: path.basename(run) });
    expect(checkpoints).toMatchObject([{ iteration: 1, valid: false, reason: 'manifest.json is larger than 4 MiB' }]);
    expect(await survives(run)).toEqual(sound);
  });
});

test('a hundred thousand files are listed up to a limit, and of as many checkpoints the newest', async () => {
  const run = await addRun('many');
  for (const folder of [runPaths(run).rollouts, runPaths(run).checkpoints])
    for (let i = 0; i < files; i++) writeFileSync(path.join(folder, String(i).padStart(6, '0')), '');
  const id = path.basename(run);
  const { entries, truncated } = await engine.ask('run/listFiles', { run: id, path: 'rollouts' });
  expect([entries.length, truncated]).toEqual([10_000, true]);
  const { checkpoints } = await engine.ask('run/checkpoints', { run: id });
  expect(checkpoints).toHaveLength(1000);
  expect(checkpoints.at(-1)).toMatchObject({ iteration: files - 1, valid: false });
  expect(await survives(run)).toEqual(sound);
});

test.skipIf(process.platform === 'win32').each([
  ['a pipe that nobody writes to', (file: string) => execFileSync('mkfifo', [file]), 'file/not-a-file'],
  ['a link to a device that never ends', (file: string) => symlinkSync('/dev/zero', file), 'path/outside'],
  ['a folder', (file: string) => mkdirSync(file), 'file/not-a-file'],
])('%s in place of a file is no file', async (_, make, events) => {
  const log = await addRun('log');
  make(runPaths(log).events);
  const noFile = 'file/not-a-file';
  const unread = { inspect: noFile, series: noFile, videos: noFile, compare: noFile, observe: noFile };
  expect(await survives(log)).toEqual({ ...sound, ...unread, subscribe: noFile, events });

  const record = await addRun('record', 'running');
  rmSync(runPaths(record).run);
  for (const name of ['run.json', 'lock', 'control.json', 'checkpoints/000001']) make(path.join(record, name));
  const unknown = { inspect: noFile, compare: noFile, observe: noFile, control: noFile, deletable: noFile };
  expect(await survives(record)).toEqual({ ...sound, ...unknown });
});
