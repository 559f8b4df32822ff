import { appendFile, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test, vi } from 'vitest';
import { followEvents, openEventLog, readEvents, truncateEvents } from '../../../engine/run/event-log.ts';
import { eventFault, eventKinds, type EventBody, type RunEvent } from '../../../engine/run/events.ts';
import {
  ended,
  evaluationEvent,
  iterationEvent,
  sees,
  startChild,
  temporaryFolder,
  warningEvent,
} from './sample-run.ts';

async function logOf(bodies: EventBody[], file = join(temporaryFolder(), 'events.jsonl')) {
  const log = await openEventLog(file);
  const events = bodies.map((body) => log.append(body));
  log.close();
  return { file, events };
}

const seqs = (events: RunEvent[]) => events.map(({ seq }) => seq);

describe('the event log', () => {
  test('gives back what was appended, numbered from 1 without gaps, also over several openings', async () => {
    const { file } = await logOf([{ kind: 'run_started', iteration: 0, runId: 'r' }, iterationEvent(1)]);
    await logOf([evaluationEvent(1, 0.5)], file);
    const events = await readEvents(file);
    expect(seqs(events)).toEqual([1, 2, 3]);
    expect(events[1]).toMatchObject({ ...iterationEvent(1), v: 1 });
    expect(Date.parse(events[2].time)).toBeLessThanOrEqual(Date.now());
    expect(seqs(await readEvents(file, { fromSeq: 3 }))).toEqual([3]);
  });

  test('carries a value that is not finite as null, and refuses an event that lacks something', async () => {
    const log = await openEventLog(join(temporaryFolder(), 'e'));
    const broken = { ...iterationEvent(1), loss: NaN } as EventBody;
    expect(log.append(broken)).toMatchObject({ loss: null });
    expect(() => log.append({ kind: 'anchor', iteration: 1 } as EventBody)).toThrow(/anchor event: updates/);
    expect(log.lastSeq()).toBe(1);
    log.close();
    expect(await readEvents(log.file)).toHaveLength(1);
  });

  test('cut off at any byte of its last line reads as the events before, and goes on after them', async () => {
    const { file, events } = await logOf([iterationEvent(1), evaluationEvent(1, 0.5), warningEvent(2)]);
    const whole = await readFile(file);
    const lastLine = whole.lastIndexOf(10, whole.length - 2) + 1;
    const property = fc.asyncProperty(fc.integer({ min: lastLine, max: whole.length - 1 }), async (length) => {
      await writeFile(file, whole.subarray(0, length));
      expect(await readEvents(file)).toEqual(events.slice(0, 2));
      const log = await openEventLog(file);
      expect(log.repairedBytes).toBe(length - lastLine);
      log.append(evaluationEvent(3, 0.7));
      log.close();
      expect(seqs(await readEvents(file))).toEqual([1, 2, 3]);
    });
    await fc.assert(property, { numRuns: whole.length - lastLine, examples: [[lastLine], [whole.length - 1]] });
  });

  test('whose tail is zeros or noise, as after a loss of power, loses that alone', async () => {
    for (const tail of [Buffer.alloc(5000), Buffer.from('\0\0\0"}\n'), Buffer.from([0xff, 0xfe, 10])]) {
      const { file } = await logOf([warningEvent(1), warningEvent(2)]);
      await appendFile(file, tail);
      expect(seqs(await readEvents(file))).toEqual([1, 2]);
      const log = await openEventLog(file);
      expect(log.repairedBytes).toBe(tail.length);
      log.close();
      expect(seqs(await readEvents(file))).toEqual([1, 2]);
    }
  });

  test('with a damaged line in the middle is refused with the number of the line', async () => {
    const { file } = await logOf([1, 2, 3, 4].map((i) => warningEvent(i)));
    const lines = (await readFile(file, 'utf8')).split('\n');
    const damages: [string, RegExp][] = [
      ['{"seq":2,"ti', /Line 2 .* not JSON/],
      [lines[1].replace('"seq":2', '"seq":7'), /Line 2 .* seq is 7 where 2 should follow/],
      [lines[1].replace('warning', 'wanning'), /Line 2 .* kind is "wanning"/],
      [lines[1].replace('"v":1', '"v":2'), /Line 2 .* later version/],
      [lines[1].replace('"code":"test/sample"', '"code":5'), /Line 2 .* code/],
      ['null', /Line 2 .* kind is missing/],
    ];
    for (const [line, message] of damages) {
      await writeFile(file, [lines[0], line, ...lines.slice(2)].join('\n'));
      const refusal = { code: 'events/corrupt', place: { file, line: 2 }, message: expect.stringMatching(message) };
      await expect(readEvents(file)).rejects.toMatchObject(refusal);
      await expect(readEvents(file, { validate: 'light' })).rejects.toMatchObject(refusal);
      await expect(openEventLog(file)).rejects.toMatchObject(refusal);
    }
  });

  test('cut after an event ends there, whatever followed, and numbering goes on', async () => {
    const { file, events } = await logOf([1, 2, 3, 4].map((i) => warningEvent(i)));
    await appendFile(file, 'damaged\nbeyond use\n{"torn');
    expect(await truncateEvents(file, 3)).toMatchObject({ lastSeq: 3 });
    expect(await readEvents(file)).toEqual(events.slice(0, 3));
    expect(await truncateEvents(file, 9)).toEqual({ lastSeq: 3, removedBytes: 0 });
    expect(await truncateEvents(file, 0)).toMatchObject({ lastSeq: 0 });
    expect((await stat(file)).size).toBe(0);
  });

  test('keeps every event that was appended before the process was killed', async () => {
    const file = join(temporaryFolder(), 'events.jsonl');
    for (let round = 0; round < 3; round++) {
      const child = startChild('append-events.ts', file);
      await sees(child, 'started');
      // Who reads what is written without a pause may never come to its end.
      await vi.waitUntil(async () => (await stat(file)).size > 0, { timeout: 60_000, interval: 5 });
      await new Promise((resolve) => setTimeout(resolve, 40 * Math.random()));
      child.kill('SIGKILL');
      await ended(child);
      const before = await readEvents(file);
      expect(before.length).toBeGreaterThan(0);
      const log = await openEventLog(file);
      expect(log.lastSeq()).toBe(before.length);
      log.close();
    }
  });

  test('is read whole when lines are longer than what is read at once', async () => {
    const long = 'x'.repeat(3_000_000);
    const { file } = await logOf([warningEvent(1), warningEvent(2, long), warningEvent(3)]);
    const events = await readEvents(file);
    expect(seqs(events)).toEqual([1, 2, 3]);
    expect(events[1]).toMatchObject({ message: long });
  });
});

test('an iteration is checked as strictly when a log is read lightly, whatever stands in it', async () => {
  const { events } = await logOf([iterationEvent(1)]);
  const text = JSON.stringify(events[0]);
  const values = [...text.matchAll(/(?<=":)(-?[\d.e-]+|"[^"]*"|null|\[\]|\{\})/g)];
  const others = ['1e999', '-1', '0.5', 'null', '"x"', '[]', '{}', '{"__proto__":1}', 'true'];
  const known = new Set(eventKinds);
  for (const { index, 0: value } of values)
    for (const other of others) {
      const changed = JSON.parse(text.slice(0, index) + other + text.slice(index + value.length)) as unknown;
      if ((changed as RunEvent).kind !== 'iteration') continue;
      expect(eventFault(changed, known)).toBe(eventFault(changed));
    }
  expect(values.length).toBeGreaterThan(100);
});

describe('a follower of the event log', () => {
  test('gets each event once, only whole lines, and starts before the file exists', async () => {
    const file = join(temporaryFolder(), 'events.jsonl');
    const follower = followEvents(file);
    expect(await follower.next()).toMatchObject({ events: [], restarted: false });
    await logOf([warningEvent(1), warningEvent(2)], file);
    expect(seqs((await follower.next()).events)).toEqual([1, 2]);
    expect((await follower.next()).events).toEqual([]);
    const whole = await readFile(file, 'utf8');
    await appendFile(file, '{"seq":3,');
    expect((await follower.next()).events).toEqual([]);
    await writeFile(file, whole);
    await logOf([warningEvent(3)], file);
    expect(seqs((await follower.next()).events)).toEqual([3]);
  });

  test('begins at a sequence number', async () => {
    const { file } = await logOf([1, 2, 3].map((i) => warningEvent(i, 'x'.repeat(800_000))));
    const follower = followEvents(file, { fromSeq: 3 });
    expect(seqs((await follower.next()).events)).toEqual([3]);
  });

  test('is told when a resume cut the log, even if it has grown past where it was', async () => {
    const { file } = await logOf([1, 2, 3].map((i) => warningEvent(i)));
    const follower = followEvents(file);
    await follower.next();
    await truncateEvents(file, 1);
    await logOf(
      [7, 8, 9, 10].map((i) => warningEvent(i)),
      file,
    );
    const { events, restarted } = await follower.next();
    expect(restarted).toBe(true);
    expect(events.map(({ iteration }) => iteration)).toEqual([1, 7, 8, 9, 10]);
    expect(await follower.next()).toMatchObject({ events: [], restarted: false });
  });
});
