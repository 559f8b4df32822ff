import { appendFile, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { openEventLog } from '../../../engine/run/event-log.ts';
import type { EventBody } from '../../../engine/run/events.ts';
import { createRun, currentStatus, readRun, runPaths, updateRun } from '../../../engine/run/folder.ts';
import { glanceAt } from '../../../engine/run/glance.ts';
import { inspectRun } from '../../../engine/run/inspect.ts';
import { lockState, takeLock } from '../../../engine/run/lock.ts';
import { config, evaluationEvent, iterationEvent, newRun, provenance, temporaryFolder } from './sample-run.ts';

async function runWith(events: EventBody[]): Promise<string> {
  const folder = await newRun();
  const log = await openEventLog(runPaths(folder).events);
  for (const event of events) log.append(event);
  log.close();
  return folder;
}
const glance = (folder: string) => glanceAt(folder, basename(folder));
const rollouts = (iteration: number, videos: number): EventBody => ({
  kind: 'rollouts',
  iteration,
  folder: 'rollouts/000001',
  videos: Array.from({ length: videos }, (_, generation) => ({
    file: `p00-g${generation}.mp4`,
    poster: `p00-g${generation}.png`,
    prompt: 'a red circle, "kind":"iteration", moving left',
    promptIndex: 0,
    generation,
    seedKey: { seed: 1, stream: 0, iteration, prompt: 0, generation },
    reward: 1,
    components: { VQ: 1 },
    advantage: 0,
    distance: 0.1,
  })),
});

describe('a glance at a run', () => {
  test('says the same as an inspection, from the end of the log alone', async () => {
    const many = Array.from({ length: 400 }, (_, i) => iterationEvent(i + 1));
    for (const tail of [[], [evaluationEvent(400, 0.7)], [rollouts(400, 3)], [rollouts(400, 2000)]] as EventBody[][]) {
      const folder = await runWith([evaluationEvent(0, 0.4), ...many, ...tail]);
      const summary = await inspectRun(folder);
      const seen = await glance(folder);
      const { id, name, status, message, created, iterations, iterationsPlanned, lastSeq } = summary;
      expect(seen).toMatchObject({ id, name, status, message, created, iterations, iterationsPlanned, lastSeq });
      expect(seen).toMatchObject({
        reward: summary.lastIteration?.reward.mean,
        secondsPerIteration: summary.lastIteration?.seconds.total,
        broken: null,
      });
    }
  });

  test('works before the first event, before the first iteration, and with a torn last line', async () => {
    expect(await glance(await newRun())).toMatchObject({ iterations: 0, reward: null, lastSeq: 0, updated: null });
    const folder = await runWith([{ kind: 'run_started', iteration: 0, runId: 'r' }, evaluationEvent(0, 0.4)]);
    expect(await glance(folder)).toMatchObject({ iterations: 0, reward: null, lastSeq: 2 });
    const log = await openEventLog(runPaths(folder).events);
    log.append(iterationEvent(1));
    log.close();
    await appendFile(
      runPaths(folder).events,
      '{"seq":4,"time":"2026-01-01T00:00:00.000Z","iteration":2,"kind":"iterat',
    );
    expect(await glance(folder)).toMatchObject({ iterations: 1, lastSeq: 3 });
  });

  test('is not held up by a log or a record that is junk', async () => {
    const folder = await runWith([iterationEvent(1)]);
    await appendFile(runPaths(folder).events, Buffer.alloc(40 << 20, 'x'));
    expect(await glance(folder)).toMatchObject({ broken: null, status: 'crashed', iterations: 0, lastSeq: 0 });
    await writeFile(runPaths(folder).run, Buffer.alloc(40 << 20, '['));
    expect(await glance(folder)).toMatchObject({ status: null, broken: expect.stringContaining('larger than') });
  });

  test('tells a run that cannot be read from a folder that is none', async () => {
    const folder = await newRun();
    await writeFile(runPaths(folder).run, '{"v": 1');
    expect(await glance(folder)).toMatchObject({ broken: expect.stringContaining('not JSON'), status: null });
    await rm(runPaths(folder).run);
    expect(await glance(folder)).toMatchObject({ broken: expect.stringContaining('no run.json') });
    const foreign = join(dirname(folder), 'notes');
    await mkdir(foreign);
    expect(await glance(foreign)).toBeNull();
  });
});

describe('a log that is junk', () => {
  const line = JSON.stringify({ seq: 7, time: '2026-01-01T00:00:00Z', v: 1, ...iterationEvent(7) });
  test.each([
    ['the last lines are none', `${line}\n${'x\n'.repeat(50)}`, 7],
    ['so many lines are none that it is given up', `${line}\n${'x\n'.repeat(101)}`, 0],
    ['empty lines are none either', `${line}\n${'\n'.repeat(1e6)}`, 0],
    ['there is no line end in all that is looked at', `${line}\n${'['.repeat(9e6)}`, 0],
  ])('is given up early: %s', async (_, text, iterations) => {
    const folder = await newRun();
    await writeFile(runPaths(folder).events, text);
    expect(await glance(folder)).toMatchObject({ broken: null, iterations });
  });

  test('of a record, long texts are cut', async () => {
    const folder = await newRun();
    const record = JSON.parse(await readFile(runPaths(folder).run, 'utf8'));
    await writeFile(
      runPaths(folder).run,
      JSON.stringify({ ...record, name: 'n'.repeat(1e6), message: 'm'.repeat(1e6) }),
    );
    const { name, message } = (await glance(folder))!;
    expect([name, message]).toEqual([`${'n'.repeat(200)}…`, `${'m'.repeat(4000)}…`]);
  });
});

describe('a run that begins or ends while it is looked at', () => {
  test('is running from the moment its folder appears when it is made with its lock', async () => {
    const { folder, lock, record } = await createRun(temporaryFolder(), 'shapes', '', config, provenance, {
      lock: true,
    });
    expect(await currentStatus(folder, record)).toBe('running');
    expect(await lockState(folder)).toMatchObject({ held: true, elsewhere: false, record: { pid: process.pid } });
    await expect(takeLock(folder)).rejects.toMatchObject({ code: 'run/locked' });
    await lock!.release();
    expect(await currentStatus(folder, record)).toBe('crashed');
  });

  test('has not crashed when it ended between two looks', async () => {
    const folder = await newRun();
    const before = await readRun(folder);
    expect(before.status).toBe('running');
    await updateRun(folder, { status: 'finished' });
    expect(await currentStatus(folder, before)).toBe('finished');
  });
});
