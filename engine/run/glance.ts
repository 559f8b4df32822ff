import { closeSync, fstatSync, readSync, statSync } from 'node:fs';
import { resolve } from 'node:path';
import { SageError } from '../errors.ts';
import { diskError, errnoOf } from './disk.ts';
import { eventFault, eventKinds, shortened, type EventOf, type RunEvent } from './events.ts';
import { currentStatus, readRunSync, runIdPattern, runPaths, type CurrentStatus } from './folder.ts';
import { plannedIterations } from './inspect.ts';
import { openRegularSync } from './regular.ts';

/** A run in a list: what its record and the end of its log say. */
export interface RunGlance {
  id: string;
  folder: string;
  /** Why the run cannot be read, null when it can; then most else is null. */
  broken: string | null;
  name: string | null;
  status: CurrentStatus | null;
  message: string | null;
  created: string | null;
  /** Iterations done, and how many the config asks for (null if it does not say). */
  iterations: number;
  iterationsPlanned: number | null;
  /** Mean reward of the last iteration's rollouts. */
  reward: number | null;
  /** Seconds that the last iteration took. */
  secondsPerIteration: number | null;
  lastSeq: number;
  /** When the log was last written; ISO 8601. */
  updated: string | null;
}

interface LogEnd {
  lastSeq: number;
  lastIteration: EventOf<'iteration'> | null;
  updated: string | null;
}

const noLog: LogEnd = { lastSeq: 0, lastIteration: null, updated: null };
const firstLook = 16 << 10;
/** Where no iteration is found this near to the end, there is none, or the log is junk. */
const farthestLook = 8 << 20;
/** At most the last line of a log is no event; where so many are none, it is junk. */
const mostFaults = 100;
const known = new Set(eventKinds);

function parse(line: string): RunEvent | null {
  try {
    const value: unknown = JSON.parse(line);
    return eventFault(value, known) === null ? (value as RunEvent) : null;
  } catch {
    return null;
  }
}

/** The last event and the last iteration of some whole lines; of the others only the head is looked at. */
function lastOf(bytes: Buffer): Pick<LogEnd, 'lastSeq' | 'lastIteration'> {
  let lastSeq = 0;
  let faults = 0;
  for (let end = bytes.length; end > 0 && faults < mostFaults;) {
    const begin = bytes.lastIndexOf(10, end - 1) + 1;
    const head = bytes.toString('latin1', begin, Math.min(end, begin + 200));
    const wanted = lastSeq === 0 || head.includes('"kind":"iteration"');
    const event = wanted && head !== '' ? parse(bytes.toString('utf8', begin, end)) : null;
    end = begin - 1;
    if (event === null && (wanted || !head.startsWith('{"'))) faults += 1;
    if (event === null) continue;
    if (lastSeq === 0) lastSeq = event.seq;
    if (event.kind === 'iteration') return { lastSeq, lastIteration: event };
  }
  return { lastSeq, lastIteration: null };
}

/** Reads the log from its end, as far as the last iteration. */
function readEnd(file: string): LogEnd {
  let fd: number | undefined;
  try {
    fd = openRegularSync(file);
    const { size, mtimeMs } = fstatSync(fd);
    const updated = new Date(mtimeMs).toISOString();
    for (let length = Math.min(firstLook, size); ; length = Math.min(length * 8, size)) {
      const buffer = Buffer.allocUnsafe(length);
      const bytesRead = readSync(fd, buffer, 0, length, size - length);
      const begin = length === size ? 0 : buffer.indexOf(10) + 1 || bytesRead;
      const found = lastOf(buffer.subarray(begin, bytesRead));
      if (found.lastIteration !== null || length === size || length >= farthestLook) return { ...found, updated };
    }
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return noLog;
    throw diskError(error, file, 'read the events');
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}

/**
 * What a list shows of a run, from its record and the end of its log: a few small reads however long the run. Null for a
 * folder that is no run. Damage is told in `broken` and not thrown. Files are read without giving way to others, which
 * makes a long list several times faster; one who looks at many gives way in between.
 */
export async function glanceAt(folder: string, id: string): Promise<RunGlance | null> {
  const place = resolve(folder);
  const nothing = { name: null, status: null, message: null, created: null, iterationsPlanned: null, reward: null };
  const empty = { id, folder: place, ...nothing, iterations: 0, secondsPerIteration: null, lastSeq: 0, updated: null };
  try {
    const record = readRunSync(place);
    const end = readEnd(runPaths(place).events);
    const status = await currentStatus(place, record);
    const { created, config } = record;
    const [name, message] = [shortened(record.name), record.message && shortened(record.message, 4000)];
    const { lastSeq, lastIteration, updated } = end;
    return {
      id,
      folder: place,
      broken: null,
      ...{ name, status, message, created },
      iterations: lastIteration?.iteration ?? 0,
      iterationsPlanned: plannedIterations(config),
      reward: lastIteration?.reward.mean ?? null,
      secondsPerIteration: lastIteration?.seconds.total ?? null,
      ...{ lastSeq, updated },
    };
  } catch (error) {
    if (!(error instanceof SageError)) throw error;
    const isRun = runIdPattern.test(id) || statSync(runPaths(place).run, { throwIfNoEntry: false }) !== undefined;
    return isRun ? { ...empty, broken: error.message } : null;
  }
}

/** What a run.json is known by without reading it: another content has another. */
export function recordVersion(folder: string): string {
  const found = statSync(runPaths(folder).run, { throwIfNoEntry: false });
  return found ? `${found.ino}:${found.size}:${found.mtimeMs}` : '';
}
