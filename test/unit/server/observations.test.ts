import { appendFile, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { foldSeries, runView, runViewChange, type Problem, type RunView } from '../../../engine/protocol.ts';
import { openEventLog, truncateEvents } from '../../../engine/run/event-log.ts';
import type { EventBody } from '../../../engine/run/events.ts';
import { runPaths, updateRun } from '../../../engine/run/folder.ts';
import { takeLock } from '../../../engine/run/lock.ts';
import { createObservations } from '../../../engine/server/observations.ts';
import { createTurns } from '../../../engine/server/turns.ts';
import { keepChange } from '../../support/kept-view.ts';
import { evaluationEvent, iterationEvent, newRun, warningEvent } from '../run/sample-run.ts';

async function append(folder: string, bodies: EventBody[]): Promise<void> {
  const log = await openEventLog(runPaths(folder).events);
  for (const body of bodies) log.append(body);
  log.close();
}

const iterations = (from: number, to: number, steps = 2) =>
  Array.from({ length: to - from + 1 }, (_, i) => iterationEvent(from + i, steps));

/** An observer that keeps what it is told as a client does. */
function observer(columns = 50) {
  const kept = new Map<number, RunView>();
  const told: ('view' | 'change')[] = [];
  const problems: Problem[] = [];
  const observations = createObservations({
    async view({ observation, view }) {
      told.push('view');
      kept.set(observation, runView.parse(JSON.parse(JSON.stringify(view))));
    },
    async changed({ observation, change }) {
      told.push('change');
      keepChange(kept.get(observation)!, runViewChange.parse(JSON.parse(JSON.stringify(change))), columns);
    },
    unobservable: async (_, problem) => void problems.push(problem),
  });
  onTestFinished(observations.close);
  return {
    observations,
    told,
    problems,
    observe: (folder: string) => observations.add(folder, columns),
    view: (observation: number) => kept.get(observation),
  };
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5));
}

const lastOf = (view: RunView | undefined) => view?.series.last.at(-1) ?? 0;

describe('an observer', () => {
  test('is told the whole of a run, then each event once, and at last what a new observer is told', async () => {
    const folder = await newRun();
    const lock = await takeLock(folder);
    await append(folder, [evaluationEvent(0, 0.3), ...iterations(1, 40)]);
    const { observe, view, told } = observer();
    const first = observe(folder);
    await until(() => lastOf(view(first)) === 40);
    expect(view(first)).toMatchObject({ glance: { status: 'running', iterations: 40, iterationsPlanned: 60 } });
    expect(view(first)!.secondsLeft).toBe(20 * 1.75);
    for (const [from, to] of [
      [41, 43],
      [44, 48],
      [49, 60],
    ]) {
      await append(folder, [...iterations(from, to), warningEvent(to)]);
      await until(() => lastOf(view(first)) >= from);
    }
    await append(folder, [evaluationEvent(60, 0.7), { kind: 'anchor', iteration: 60, updates: 9 }]);
    await updateRun(folder, { status: 'finished' });
    await lock.release();
    await until(() => view(first)!.glance.status === 'finished' && view(first)!.anchors.length === 1);
    expect(view(first)!.series.first).toEqual(Array.from({ length: 60 }, (_, i) => i + 1));
    expect(view(first)!.secondsLeft).toBeNull();
    expect(told.filter((kind) => kind === 'view')).toHaveLength(1);
    const second = observe(folder);
    await until(() => view(second) !== undefined);
    expect({ ...view(second), glance: { ...view(second)!.glance, updated: null } }).toEqual({
      ...view(first),
      glance: { ...view(first)!.glance, updated: null },
    });
  });

  test('is told everything anew when a resume has cut the log', async () => {
    const folder = await newRun();
    await append(folder, iterations(1, 20));
    const { observe, view, told } = observer();
    const observation = observe(folder);
    await until(() => lastOf(view(observation)) === 20);
    await truncateEvents(runPaths(folder).events, 10);
    await append(folder, [{ kind: 'run_resumed', iteration: 10, fromIteration: 10 }, ...iterations(11, 12)]);
    await until(() => lastOf(view(observation)) === 12);
    expect(view(observation)!.series.first).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
    expect(told.filter((kind) => kind === 'view')).toHaveLength(2);
  });

  test('is told of what happens without an event: a trainer that dies, a run that has no log yet', async () => {
    const folder = await newRun();
    const lock = await takeLock(folder);
    const { observe, view } = observer();
    const observation = observe(folder);
    await until(() => view(observation) !== undefined);
    expect(view(observation)).toMatchObject({ glance: { status: 'running', iterations: 0 }, series: { first: [] } });
    await append(folder, iterations(1, 3));
    await until(() => lastOf(view(observation)) === 3);
    await updateRun(folder, { status: 'paused' });
    await until(() => view(observation)!.glance.status === 'paused');
    await lock.release();
    await until(() => view(observation)!.glance.status === 'crashed');
    expect(view(observation)!.health).toMatchObject([{ code: 'health/trainer-died' }]);
  });

  test('of a long run gets it in bounded columns, live and at once', async () => {
    const folder = await newRun();
    await append(folder, iterations(1, 700, 20));
    const { observe, view } = observer();
    const observation = observe(folder);
    await until(() => view(observation) !== undefined);
    expect(lastOf(view(observation))).toBe(700);
    await append(folder, iterations(701, 1000, 20));
    await until(() => lastOf(view(observation)) === 1000);
    const again = observe(folder);
    await until(() => view(again) !== undefined);
    const ends = [observation, again].map((number) => view(number)!.series);
    for (const series of ends) {
      expect(series.first.length).toBeLessThanOrEqual(100);
      foldSeries(series, 50);
    }
    expect(ends[0].first).toEqual(ends[1].first);
    for (const [i, mean] of ends[0].scalars.reward.mean.entries())
      expect(mean).toBeCloseTo(ends[1].scalars.reward.mean[i]!, 4);
  });

  test('is told why a run cannot be read any more, and then nothing', async () => {
    const [gone, damaged, broken, moved] = await Promise.all([1, 2, 3, 4].map(() => newRun()));
    await append(damaged, iterations(1, 3));
    await appendFile(runPaths(damaged).events, '<script>alert(1)</script>\n{}\n');
    await writeFile(runPaths(broken).run, '{"__proto__": 1');
    await rm(gone, { recursive: true });
    for (const [folder, code] of [
      [gone, 'run/broken'],
      [damaged, 'events/corrupt'],
      [broken, 'run/broken'],
    ]) {
      const { observe, problems, told } = observer();
      observe(folder);
      await until(() => problems.length > 0);
      expect(problems).toMatchObject([{ code, place: { file: expect.stringContaining(folder) } }]);
      expect(told).toEqual([]);
    }
    await append(moved, iterations(1, 3));
    const { observe, view, problems } = observer();
    const observation = observe(moved);
    await until(() => lastOf(view(observation)) === 3);
    await rename(moved, path.join(path.dirname(moved), 'elsewhere'));
    await until(() => problems.length > 0);
    expect(problems[0].code).toBe('run/unknown');
  });

  test('is told of damage deep in a long log once, however often it is read anew', async () => {
    const folder = await newRun();
    await append(folder, iterations(1, 700, 20));
    await appendFile(runPaths(folder).events, '{}\n{}\n');
    const { observe, problems, told } = observer();
    observe(folder);
    await until(() => problems.length > 0);
    expect(problems).toMatchObject([{ code: 'events/corrupt', place: { line: 701 } }]);
    expect(told).toEqual([]);
  });

  test('that leaves is told nothing more, and one that stays is not disturbed', async () => {
    const folder = await newRun();
    await append(folder, iterations(1, 2));
    const { observations, observe, view } = observer();
    const [leaving, staying, never] = [observe(folder), observe(folder), observe(folder)];
    expect(observations.remove(never)).toBe(true);
    await until(() => lastOf(view(leaving)) === 2 && lastOf(view(staying)) === 2);
    expect(observations.remove(leaving)).toBe(true);
    expect(observations.remove(leaving)).toBe(false);
    await append(folder, iterations(3, 4));
    await until(() => lastOf(view(staying)) === 4);
    expect(lastOf(view(leaving))).toBe(2);
    expect(view(never)).toBeUndefined();
    expect(observations.index(folder)).not.toBeNull();
    observations.close();
    expect(observations.index(folder)).toBeNull();
  });
});

test('work is done in turns, in order, and requests are heard between any two', async () => {
  const turn = createTurns();
  const seen: string[] = [];
  const work = [1, 2, 3].map((n) =>
    turn(async () => {
      seen.push(`work ${n}`);
      // A request that came meanwhile.
      setImmediate(() => seen.push(`request ${n}`));
      if (n === 2) throw new Error('fails');
    }).catch(() => seen.push('failure 2')),
  );
  await Promise.all(work);
  expect(seen.slice(0, 6)).toEqual(['work 1', 'request 1', 'work 2', 'failure 2', 'request 2', 'work 3']);
});

test('who begins to observe when all observers have gone is told nothing, and nothing goes on', async () => {
  const folder = await newRun();
  await append(folder, [evaluationEvent(0, 0.3), ...iterations(1, 4)]);
  const { observations, observe, told } = observer();
  observations.close();
  observe(folder);
  const timers = process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length;
  await new Promise((resolve) => setTimeout(resolve, 300));
  expect(told).toEqual([]);
  expect(process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length).toBeLessThanOrEqual(timers);
});
