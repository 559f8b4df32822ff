import { appendFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { saveCheckpoint } from '../../../engine/run/checkpoint.ts';
import { compareRuns, configDifferences, iterationPoints } from '../../../engine/run/compare.ts';
import { openEventLog } from '../../../engine/run/event-log.ts';
import type { EventBody } from '../../../engine/run/events.ts';
import { runPaths, updateRun } from '../../../engine/run/folder.ts';
import { inspectRun, listRunRows } from '../../../engine/run/inspect.ts';
import { takeLock } from '../../../engine/run/lock.ts';
import { evaluationEvent, flipBit, iterationEvent, newRun, stateOf, warningEvent } from './sample-run.ts';

const history: EventBody[] = [
  { kind: 'run_started', iteration: 0, runId: 'r' },
  evaluationEvent(0, 0.4),
  iterationEvent(1),
  { kind: 'rollouts', iteration: 1, folder: 'rollouts/000001', videos: [] },
  warningEvent(1),
  iterationEvent(2),
  evaluationEvent(2, 0.7, true),
  warningEvent(2),
  iterationEvent(3),
  evaluationEvent(3, 0.6),
];

async function runWith(events: EventBody[], overrides: object = {}): Promise<string> {
  const folder = await newRun(overrides);
  const log = await openEventLog(runPaths(folder).events);
  for (const event of events) log.append(event);
  log.close();
  return folder;
}

describe('inspecting a run', () => {
  test('adds up its events, checkpoints and state from the folder alone', async () => {
    const folder = await runWith(history);
    const write = async (into: string) => {
      await writeFile(join(into, 'w.bin'), 'weights');
      return ['w.bin'];
    };
    await saveCheckpoint(folder, 2, write, stateOf(2), { reward: 0.7 });
    await saveCheckpoint(folder, 3, write, stateOf(3));
    await flipBit(join(folder, 'checkpoints', '000003', 'w.bin'), 2, 2);
    const summary = await inspectRun(folder, { deep: true });
    expect(summary).toMatchObject({
      id: basename(folder),
      status: 'crashed',
      pid: null,
      iterations: 3,
      iterationsPlanned: 60,
      updates: 12,
      seconds: 3 * 1.75 + 3 * 2,
      lastSeq: history.length,
      evaluation: { first: { iteration: 0, reward: 0.4 }, best: { iteration: 2, reward: 0.7 }, last: { iteration: 3 } },
      checkpoints: [
        { iteration: 2, valid: true, reward: 0.7 },
        { iteration: 3, valid: false, reason: 'w.bin was altered (its sha256 differs)' },
      ],
      lastIteration: { iteration: 3 },
      videosFolder: join(folder, 'rollouts', '000001'),
    });
    expect(summary.warnings).toEqual([expect.objectContaining({ code: 'test/sample', count: 2, iteration: 2 })]);
    expect(summary.config.exploration).toEqual({ kernel: 'sage', eta: 0.5 });
  });

  test('knows a run that is being trained, paused, or done', async () => {
    const folder = await runWith(history);
    const lock = await takeLock(folder);
    expect(await inspectRun(folder)).toMatchObject({ status: 'running', pid: process.pid });
    await updateRun(folder, { status: 'paused' });
    expect((await inspectRun(folder)).status).toBe('paused');
    await lock.release();
    expect((await inspectRun(folder)).status).toBe('crashed');
    await updateRun(folder, { status: 'finished' });
    expect(await inspectRun(folder)).toMatchObject({ status: 'finished', pid: null });
  });

  test('works before the first event and with a torn last line', async () => {
    const nothing = { first: null, last: null, best: null };
    expect(await inspectRun(await newRun())).toMatchObject({ iterations: 0, evaluation: nothing, videosFolder: null });
    const folder = await runWith(history);
    await appendFile(runPaths(folder).events, '{"seq":11,"time":"20');
    expect(await inspectRun(folder)).toMatchObject({ iterations: 3, lastSeq: 10 });
  });

  test('names the line of a damaged event', async () => {
    const folder = await runWith(history);
    const { events } = runPaths(folder);
    const text = await readFile(events, 'utf8');
    await writeFile(events, text.replace('"updates":8', '"updates":"many"'));
    await expect(inspectRun(folder)).rejects.toMatchObject({ code: 'events/corrupt', place: { line: 6 } });
  });

  test('lists runs as rows, newest first, the unreadable last with the reason', async () => {
    const folder = await runWith(history);
    const runsDir = dirname(folder);
    await mkdir(join(runsDir, 'shapes-20200101-000000'));
    expect(await listRunRows(runsDir)).toEqual([
      expect.objectContaining({
        folder,
        broken: null,
        iterations: 3,
        firstReward: 0.4,
        lastReward: 0.6,
        bestReward: 0.7,
      }),
      expect.objectContaining({
        id: 'shapes-20200101-000000',
        broken: expect.stringContaining('no run.json'),
        status: null,
      }),
    ]);
    await writeFile(runPaths(folder).events, 'damaged\nindeed\n');
    expect((await listRunRows(runsDir))[0]).toMatchObject({ folder, broken: expect.stringContaining('Line 1 of') });
  });
});

describe('comparing runs', () => {
  test('shows which config keys differ, what was measured, and how each ended', async () => {
    const sage = await runWith(history);
    const short = await runWith(history.slice(0, 3), {
      exploration: { kernel: 'flow_grpo', eta: 0.5, window: { first: 0, last: 5 } },
    });
    const { differences, rows, evaluations } = await compareRuns([sage, short]);
    expect(differences).toEqual([
      { key: 'exploration.kernel', values: ['sage', 'flow_grpo'] },
      { key: 'exploration.window.first', values: [undefined, 0] },
      { key: 'exploration.window.last', values: [undefined, 5] },
    ]);
    expect(evaluations.map((series) => series.map(({ reward }) => reward))).toEqual([[0.4, 0.7, 0.6], [0.4]]);
    const points = await iterationPoints(sage);
    expect(points.map(({ seconds }) => seconds)).toEqual([1.75, 3.5, 5.25]);
    expect(points[0].gradientImbalanceRaw).toBeCloseTo(9);
    expect(points[0].gradientImbalance).toBeCloseTo(1);
    expect(rows[0].rewardGain).toBeCloseTo(0.2);
    expect(rows[0].distanceChange).toBeCloseTo(-0.02);
    expect(rows[1]).toMatchObject({ rewardGain: null, distanceChange: null, iterations: 1 });
  });

  test('finds no difference between equal configs, and tells lists and nulls apart', () => {
    expect(configDifferences([{ a: { b: [1, 2] } }, { a: { b: [1, 2] } }])).toEqual([]);
    expect(configDifferences([{ a: null }, { a: { b: 1 } }])).toEqual([
      { key: 'a', values: [null, undefined] },
      { key: 'a.b', values: [undefined, 1] },
    ]);
  });
});
