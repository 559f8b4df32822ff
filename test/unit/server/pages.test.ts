import { appendFile, rm, writeFile } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { openEventLog, readEvents, truncateEvents } from '../../../engine/run/event-log.ts';
import type { EventBody, RunEvent } from '../../../engine/run/events.ts';
import { runPaths } from '../../../engine/run/folder.ts';
import { createPages, type Page, type Pages } from '../../../engine/server/pages.ts';
import { iterationEvent, newRun, warningEvent } from '../run/sample-run.ts';

async function logOf(bodies: EventBody[] = []): Promise<string> {
  const file = runPaths(await newRun()).events;
  await append(file, bodies);
  return file;
}

async function append(file: string, bodies: EventBody[]): Promise<void> {
  const log = await openEventLog(file);
  for (const body of bodies) log.append(body);
  log.close();
}

const iterations = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, i) => iterationEvent(from + i, 2));

/** All pages that there are now. */
async function drain(pages: Pages): Promise<Page[]> {
  const found: Page[] = [];
  for (let page = await pages.next(); page; page = await pages.next()) found.push(page);
  return found;
}

const seqs = (pages: Page[]) => pages.flatMap(({ events }) => events.map(({ seq }) => seq));
const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => from + i);

describe('the pages of a log', () => {
  test('hold all events in order, none larger than asked for, and say when they have caught up', async () => {
    const file = await logOf(iterations(1, 25));
    const pages = await drain(createPages(file, { fromSeq: 0, pageEvents: 10 }));
    expect(pages.map(({ events }) => events.length)).toEqual([10, 10, 5, 0]);
    expect(seqs(pages)).toEqual(range(1, 25));
    expect(pages.map(({ caughtUp }) => caughtUp)).toEqual([false, false, false, true]);
    expect(pages.some(({ restarted }) => restarted)).toBe(false);
    expect(pages.flatMap(({ events }) => events)).toEqual(await readEvents(file));
  });

  test('go on live with what is appended, and with nothing else', async () => {
    const file = await logOf(iterations(1, 3));
    const pages = createPages(file, { fromSeq: 0, pageEvents: 100 });
    await drain(pages);
    expect(await pages.next()).toBeNull();
    await append(file, [warningEvent(3), ...iterations(4, 5)]);
    expect(await pages.next()).toMatchObject({ events: [{ seq: 4 }, { seq: 5 }, { seq: 6 }], caughtUp: true });
    expect(await pages.next()).toBeNull();
  });

  test('begin where they are asked to, also at the end and in a log of many megabytes', async () => {
    const file = await logOf(Array.from({ length: 900 }, (_, i) => iterationEvent(i + 1, 20)));
    const from = (fromSeq: number) => drain(createPages(file, { fromSeq, pageEvents: 500 }));
    expect(seqs(await from(0))).toEqual(range(1, 900));
    expect(seqs(await from(601))).toEqual(range(601, 900));
    expect(await from(901)).toEqual([{ events: [], restarted: false, caughtUp: true }]);
  });

  test('of a log that is not there yet come as it grows', async () => {
    const file = await logOf();
    await rm(file, { force: true });
    const pages = createPages(file, { fromSeq: 0, pageEvents: 5 });
    expect(await drain(pages)).toEqual([{ events: [], restarted: false, caughtUp: true }]);
    await append(file, iterations(1, 2));
    expect(seqs(await drain(pages))).toEqual([1, 2]);
  });

  test('leave out a line that is still being written, and give it when it is whole', async () => {
    const file = await logOf(iterations(1, 2));
    const pages = createPages(file, { fromSeq: 0, pageEvents: 5 });
    await drain(pages);
    const line = JSON.stringify({ ...(await readEvents(file))[1], seq: 3 });
    await appendFile(file, line.slice(0, 100));
    expect(await pages.next()).toBeNull();
    await appendFile(file, `${line.slice(100)}\n`);
    expect(seqs(await drain(pages))).toEqual([3]);
  });
});

describe('a log that a resume has cut back', () => {
  test('while it is followed is sent anew and marked so', async () => {
    const file = await logOf(iterations(1, 6));
    const pages = createPages(file, { fromSeq: 4, pageEvents: 5 });
    expect(seqs(await drain(pages))).toEqual([4, 5, 6]);
    await truncateEvents(file, 2);
    await append(file, [warningEvent(2)]);
    const anew = await drain(pages);
    expect(anew.map(({ restarted }) => restarted)).toEqual([true, false]);
    expect(seqs(anew)).toEqual([1, 2, 3]);
    expect(anew.at(-1)).toMatchObject({ caughtUp: true });
  });

  /** What a client has that lost its engine after the event `seq`. */
  async function lost(file: string, seq: number): Promise<{ fromSeq: number; lastTime: string }> {
    const last = (await readEvents(file)).find((event) => event.seq === seq) as RunEvent;
    return { fromSeq: seq + 1, lastTime: last.time };
  }
  const later = () => new Promise((resolve) => setTimeout(resolve, 2));

  test('while nobody looked is sent anew to one who has what was cut, also when it has grown longer', async () => {
    const file = await logOf(iterations(1, 6));
    const had = await lost(file, 5);
    await later();
    await truncateEvents(file, 3);
    await append(file, iterations(4, 9));
    const anew = await drain(createPages(file, { ...had, pageEvents: 50 }));
    expect(anew[0].restarted).toBe(true);
    expect(seqs(anew)).toEqual(range(1, 9));
  });

  test('and is still shorter than what a subscriber has, is sent anew as well', async () => {
    const file = await logOf(iterations(1, 6));
    const had = await lost(file, 6);
    await truncateEvents(file, 3);
    const anew = await drain(createPages(file, { ...had, pageEvents: 50 }));
    expect(anew[0].restarted).toBe(true);
    expect(seqs(anew)).toEqual([1, 2, 3]);
    const blind = await drain(createPages(file, { fromSeq: had.fromSeq, pageEvents: 50 }));
    expect(seqs(blind)).toEqual([1, 2, 3]);
  });

  test('behind what a subscriber has, costs it nothing', async () => {
    const file = await logOf(iterations(1, 6));
    const had = await lost(file, 3);
    await truncateEvents(file, 4);
    await append(file, iterations(5, 5));
    const pages = await drain(createPages(file, { ...had, pageEvents: 50 }));
    expect(pages.some(({ restarted }) => restarted)).toBe(false);
    expect(seqs(pages)).toEqual([4, 5]);
  });

  test('and written anew in place, longer than before, is noticed too', async () => {
    const file = await logOf(iterations(1, 3));
    const pages = createPages(file, { fromSeq: 0, pageEvents: 50 });
    await drain(pages);
    const other = await logOf([warningEvent(0), ...iterations(1, 8)]);
    await writeFile(file, (await readEvents(other)).map((event) => `${JSON.stringify(event)}\n`).join(''));
    const anew = await drain(pages);
    expect(anew[0].restarted).toBe(true);
    expect(seqs(anew)).toEqual(range(1, 9));
  });
});

test('a damaged log ends in its error, after one more try', async () => {
  const file = await logOf(iterations(1, 2));
  await appendFile(file, 'no event\n{"also": "none"}\n');
  const pages = createPages(file, { fromSeq: 0, pageEvents: 50 });
  await expect(drain(pages)).rejects.toMatchObject({ code: 'events/corrupt', place: { line: 3 } });
});
