import { appendFile, readFile, rm, writeFile } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { emptySeries, type VideoEntry } from '../../../engine/protocol.ts';
import { followEvents, openEventLog } from '../../../engine/run/event-log.ts';
import type { EventBody } from '../../../engine/run/events.ts';
import { runPaths } from '../../../engine/run/folder.ts';
import { createAccumulator, type LogIndex } from '../../../engine/view/accumulator.ts';
import { readSeries, readVideos } from '../../../engine/view/parts.ts';
import { iterationEvent, newRun, warningEvent } from '../run/sample-run.ts';

const video = (iteration: number, prompt = 'a red <b>circle</b>\n moving "kind":"rollouts"'): VideoEntry => ({
  ...{ file: 'p00-g0.mp4', poster: 'p00-g0.png', prompt, promptIndex: 0, generation: 0 },
  seedKey: { seed: 1, stream: 0, iteration, prompt: 0, generation: 0 },
  ...{ reward: 0.5, components: { VQ: 0.5 }, advantage: 1, distance: null },
});
const rollouts = (iteration: number, folder = `rollouts/${iteration}`): EventBody => {
  return { kind: 'rollouts', iteration, folder, videos: [video(iteration)] };
};
const evaluationVideos = (iteration: number): EventBody => {
  return { kind: 'evaluation_videos', iteration, folder: `evaluations/${iteration}`, videos: [video(iteration)] };
};

async function runWith(bodies: EventBody[]): Promise<string> {
  const folder = await newRun();
  const log = await openEventLog(runPaths(folder).events);
  for (const body of bodies) log.append(body);
  log.close();
  return folder;
}

/** What an observation knows of a log. */
async function indexOf(folder: string): Promise<LogIndex> {
  const accumulator = createAccumulator({}, 50);
  const follower = followEvents(runPaths(folder).events, { validate: 'light' });
  for (let batch = await follower.next(); batch.events.length > 0; batch = await follower.next())
    accumulator.take(batch);
  return accumulator;
}

describe('the series of a window', () => {
  const steps = 20;
  const long = Array.from({ length: 900 }, (_, i) => iterationEvent(i + 1, steps));

  test('is the same read from the start or from near by, as fine as asked for, and empty where nothing was done', async () => {
    const folder = await runWith(long);
    const index = await indexOf(folder);
    expect(index.placeBefore(600)!.offset).toBeGreaterThan(1 << 20);
    expect(index.placeBefore(1)).toBeUndefined();
    for (const window of [
      { first: 500, last: 560, columns: 50 },
      { first: 1, last: 900, columns: 50 },
      { first: 890, last: 10_000, columns: 50 },
    ]) {
      const series = await readSeries(folder, window, null);
      expect(await readSeries(folder, window, index)).toEqual(series);
      expect([series.first[0], series.last.at(-1)]).toEqual([window.first, Math.min(900, window.last)]);
      expect(series.first.length).toBeLessThanOrEqual(100);
      expect(series.stepValues.gradientNormRaw).toHaveLength(steps);
    }
    expect((await readSeries(folder, { first: 500, last: 560, columns: 50 }, null)).first).toHaveLength(61);
    for (const [first, last] of [
      [901, 1000],
      [20, 10],
    ])
      expect(await readSeries(folder, { first, last, columns: 50 }, index)).toEqual(emptySeries());
  });

  test('does not trust what was known of a log that has been replaced', async () => {
    const folder = await runWith(long);
    const index = await indexOf(folder);
    const other = await runWith([...Array.from({ length: 30 }, () => warningEvent(0)), ...long]);
    const window = { first: 700, last: 710, columns: 50 };
    const series = await readSeries(other, window, index);
    expect(series.first).toEqual(Array.from({ length: 11 }, (_, i) => 700 + i));
  });

  test('of a run without a log is empty, and of a damaged one refused', async () => {
    const folder = await newRun();
    const window = { first: 1, last: 5, columns: 50 };
    expect(await readSeries(folder, window, null)).toEqual(emptySeries());
    await writeFile(runPaths(folder).events, 'no event\n{}\n');
    await expect(readSeries(folder, window, null)).rejects.toMatchObject({
      code: 'events/corrupt',
      place: { line: 1 },
    });
  });
});

describe('the videos of an iteration', () => {
  const bodies = [
    evaluationVideos(0),
    iterationEvent(1),
    rollouts(1),
    warningEvent(1, 'of "rollouts" and "evaluation_videos"'),
    rollouts(2),
    evaluationVideos(2),
    iterationEvent(12),
    rollouts(12),
  ];

  test('are found by their place in the log and by a search of it, with paths from the run folder', async () => {
    const folder = await runWith(bodies);
    const index = await indexOf(folder);
    for (const [kind, iteration] of [
      ['rollouts', 1],
      ['rollouts', 2],
      ['rollouts', 12],
      ['evaluation', 0],
      ['evaluation', 2],
    ] as const) {
      const place = kind === 'rollouts' ? `rollouts/${iteration}` : `evaluations/${iteration}`;
      const expected = { ...video(iteration), file: `${place}/p00-g0.mp4`, poster: `${place}/p00-g0.png` };
      const found = { kind, iteration, videos: [expected] };
      expect(index.videosAt(kind, iteration)).toBeDefined();
      expect(await readVideos(folder, { kind, iteration }, index)).toEqual(found);
      expect(await readVideos(folder, { kind, iteration }, null)).toEqual(found);
    }
  });

  test('are read at their place without the rest of the log', async () => {
    const folder = await runWith(bodies);
    const file = runPaths(folder).events;
    const index = await indexOf(folder);
    const text = await readFile(file, 'utf8');
    const begin = text.indexOf('\n', text.indexOf('"kind":"rollouts"')) + 1;
    await writeFile(file, 'x'.repeat(begin - 1) + text.slice(begin - 1));
    expect((await readVideos(folder, { kind: 'rollouts', iteration: 2 }, index)).videos).toHaveLength(1);
    await expect(readVideos(folder, { kind: 'rollouts', iteration: 1 }, index)).rejects.toMatchObject({
      code: 'videos/unknown',
    });
  });

  test('are searched for anew when the log was replaced since', async () => {
    const index = await indexOf(await runWith(bodies));
    const other = await runWith([warningEvent(0), rollouts(3), ...bodies.slice(3).reverse()]);
    const { videos } = await readVideos(other, { kind: 'rollouts', iteration: 12 }, index);
    expect(videos[0].file).toBe('rollouts/12/p00-g0.mp4');
  });

  test('that were never written, or whose event is damaged, are refused with the reason', async () => {
    const folder = await runWith(bodies);
    const file = runPaths(folder).events;
    const unknown = { code: 'videos/unknown', message: expect.stringContaining('iteration 3') };
    await expect(readVideos(folder, { kind: 'rollouts', iteration: 3 }, null)).rejects.toMatchObject(unknown);
    await appendFile(
      file,
      '{"seq":9,"time":"2026-01-01T00:00:00Z","v":1,"kind":"rollouts","iteration":3,"videos":[1]}\n',
    );
    const damaged = { code: 'events/corrupt', message: expect.stringContaining('folder') };
    await expect(readVideos(folder, { kind: 'rollouts', iteration: 3 }, null)).rejects.toMatchObject(damaged);
    await rm(file);
    await expect(readVideos(folder, { kind: 'rollouts', iteration: 1 }, null)).rejects.toMatchObject({
      code: 'videos/unknown',
    });
  });
});
