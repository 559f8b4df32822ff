import { constants, fdatasyncSync, fstatSync, ftruncateSync, openSync, writeSync, closeSync } from 'node:fs';
import { copyFile, open, rename, rm, stat, truncate, type FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';
import { diskError, errnoOf, syncFolder, temporaryName } from './disk.ts';
import {
  corrupt,
  readBatch,
  readLines,
  startCursor,
  takeLine,
  type Batch,
  type Cursor,
  type ReadOptions,
} from './event-lines.ts';
import { eventFault, eventsVersion, type EventBody, type EventKind, type RunEvent } from './events.ts';
import { openRegular } from './regular.ts';

export type { Batch, Place, ReadOptions } from './event-lines.ts';

async function* batches(cursor: Cursor): AsyncGenerator<Batch> {
  let handle: FileHandle | undefined;
  try {
    handle = await openRegular(cursor.file);
    for (let batch = await readBatch(handle, cursor); batch; batch = await readBatch(handle, cursor)) yield batch;
  } catch (error) {
    throw diskError(error, cursor.file, 'read the events');
  } finally {
    await handle?.close();
  }
}

function since(batch: Batch, fromSeq: number): Batch {
  const { events, offsets, place } = batch;
  const first = events.findIndex(({ seq }) => seq >= fromSeq);
  if (first === 0) return batch;
  const from = first < 0 ? events.length : first;
  return { events: events.slice(from), offsets: offsets.slice(from), place };
}

/**
 * Streams the events of a file in batches of about 1 MiB, in order, with bounded memory.
 * @throws SageError `events/corrupt` with the line number for a damaged line that is not the last; a disk error
 */
export async function* eventBatches(file: string, options: ReadOptions = {}): AsyncGenerator<RunEvent[]> {
  for await (const batch of batches(startCursor(file, options))) {
    const { events } = since(batch, options.fromSeq ?? 0);
    if (events.length > 0) yield events;
  }
}

/** All events of a file at once; a torn last line is left out. Errors as `eventBatches`. */
export async function readEvents(file: string, options: ReadOptions = {}): Promise<RunEvent[]> {
  const events: RunEvent[] = [];
  for await (const batch of eventBatches(file, options)) for (const event of batch) events.push(event);
  return events;
}

/** Follows a log that grows, for a live view. */
export interface EventFollower {
  /**
   * The events appended since the last call, at most about 1 MiB of them (call again until none come). `restarted` says
   * that the log was cut back by a resume and is read anew from its start: what was seen before is void.
   */
  next(): Promise<Followed>;
}

export interface Followed extends Batch {
  restarted: boolean;
}

const nothing: Batch = { events: [], offsets: [], place: { offset: 0, line: 0, seq: null } };

/** Opens a follower; the file need not exist yet. It holds no file handle between calls. */
export function followEvents(file: string, options: ReadOptions = {}): EventFollower {
  let cursor = startCursor(file, options);
  let inode: number | undefined;

  async function next(): Promise<Followed> {
    let handle: FileHandle | undefined;
    try {
      handle = await openRegular(file);
      const { ino, size } = await handle.stat();
      const restarted = inode !== undefined && (ino !== inode || size < cursor.offset);
      if (restarted) cursor = startCursor(file, options);
      inode = ino;
      const batch = await readBatch(handle, cursor);
      if (!batch) return { ...nothing, restarted };
      const wanted = since(batch, options.fromSeq ?? 0);
      // A batch wholly before fromSeq is not the end of the log.
      if (wanted.events.length === 0 && !restarted) return next();
      return { ...wanted, restarted };
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return { ...nothing, restarted: false };
      throw diskError(error, file, 'read the events');
    } finally {
      await handle?.close();
    }
  }
  return { next };
}

/** The append side of an event file. One process may hold it at a time (see lock.ts). */
export interface EventLog {
  readonly file: string;
  /** seq of the last event, 0 when there is none. */
  lastSeq(): number;
  /** Bytes cut off when the log was opened because the last line was torn. */
  readonly repairedBytes: number;
  /**
   * Appends one event in one write; it survives the death of the process. The kinds `run_started`, `checkpoint` and
   * `run_finished` are also synced to the disk, and with them all before.
   * @throws SageError when the disk refuses (the file then ends with the event before), TypeError for an invalid event
   */
  append(body: EventBody): RunEvent;
  /** Makes everything appended so far survive a loss of power. Call it before a checkpoint that names `lastSeq()`. */
  sync(): void;
  close(): void;
}

const syncedKinds: ReadonlySet<EventKind> = new Set<EventKind>(['run_started', 'checkpoint', 'run_finished']);

function writeWhole(fd: number, bytes: Buffer): void {
  for (let done = 0; done < bytes.length;) done += writeSync(fd, bytes, done);
}

/** Reads the whole log; returns where its last whole line ends and that line's seq. */
async function scanEnd(file: string): Promise<Cursor> {
  const cursor = startCursor(file, { validate: 'light' });
  for await (const batch of batches(cursor)) void batch;
  return cursor;
}

/**
 * Opens an event file for appending, creating it if need be; a torn last line is cut off.
 * @throws SageError `events/corrupt` for a damaged line that is not the last; a disk error
 */
export async function openEventLog(file: string): Promise<EventLog> {
  const doing = 'write the events';
  let fd: number;
  let size: number;
  try {
    fd = openSync(file, 'a', 0o644);
    size = fstatSync(fd).size;
  } catch (error) {
    throw diskError(error, file, doing);
  }
  let seq: number;
  let repairedBytes: number;
  try {
    const end = await scanEnd(file);
    seq = end.seq ?? 0;
    repairedBytes = size - end.offset;
    size = end.offset;
    if (repairedBytes > 0) ftruncateSync(fd, size);
  } catch (error) {
    closeSync(fd);
    throw diskError(error, file, doing);
  }

  function attempt(action: () => void): void {
    try {
      action();
    } catch (error) {
      throw diskError(error, file, doing);
    }
  }
  function append(body: EventBody): RunEvent {
    const { iteration, kind, ...rest } = body;
    const stamped = { seq: seq + 1, time: new Date().toISOString(), iteration, kind, v: eventsVersion, ...rest };
    const line = JSON.stringify(stamped);
    const event = JSON.parse(line) as RunEvent;
    const fault = eventFault(event);
    if (fault !== null) throw new TypeError(`invalid ${kind} event: ${fault}`);
    const bytes = Buffer.from(`${line}\n`);
    try {
      writeWhole(fd, bytes);
    } catch (error) {
      // A full disk takes a part of the line; the log must end with a whole one.
      ftruncateSync(fd, size);
      throw diskError(error, file, doing);
    }
    size += bytes.length;
    seq += 1;
    if (syncedKinds.has(kind)) sync();
    return event;
  }
  function sync(): void {
    attempt(() => fdatasyncSync(fd));
  }
  let closed = false;
  function close(): void {
    if (closed) return;
    closed = true;
    attempt(() => {
      fdatasyncSync(fd);
      closeSync(fd);
    });
  }
  return { file, lastSeq: () => seq, repairedBytes, append, sync, close };
}

/** Finds the byte after the last event whose seq is at most `afterSeq`, without looking at what follows. */
async function endOfSeq(file: string, afterSeq: number): Promise<Cursor> {
  const cursor = startCursor(file, { validate: 'light' });
  const handle = await openRegular(file);
  try {
    for (let read = await readLines(handle, cursor); read; read = await readLines(handle, cursor)) {
      let begin = 0;
      for (let end = read.bytes.indexOf(10); end >= 0; end = read.bytes.indexOf(10, begin)) {
        const before = { ...cursor, offset: cursor.offset + begin };
        if (cursor.seq !== null && cursor.seq >= afterSeq) return before;
        try {
          if (takeLine(cursor, read.bytes.toString('utf8', begin, end)).seq > afterSeq) return before;
        } catch (error) {
          if (!(error instanceof SyntaxError)) throw error;
          if (read.atEnd && end === read.bytes.length - 1) return before;
          throw corrupt(file, cursor.line + 1, 'it is not JSON');
        }
        begin = end + 1;
      }
      cursor.offset += begin;
    }
    return cursor;
  } finally {
    await handle.close();
  }
}

/**
 * Cuts the log after the event with seq `afterSeq` (also a torn tail and damaged lines beyond it): the whole old file or
 * the whole new one is there at any moment. The file gets a new inode, by which followers notice.
 * @returns the seq of the last event that is left (0: none), and the bytes removed
 * @throws SageError `events/corrupt` for a damaged line at or before `afterSeq`; a disk error, the log then being intact
 */
export async function truncateEvents(
  file: string,
  afterSeq: number,
): Promise<{ lastSeq: number; removedBytes: number }> {
  const temporary = temporaryName(file);
  try {
    const end = await endOfSeq(file, afterSeq);
    const removedBytes = (await stat(file)).size - end.offset;
    const lastSeq = end.seq ?? 0;
    if (removedBytes === 0) return { lastSeq, removedBytes };
    await copyFile(file, temporary, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE);
    await truncate(temporary, end.offset);
    const handle = await open(temporary, 'r+');
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(temporary, file);
    await syncFolder(dirname(file));
    return { lastSeq, removedBytes };
  } catch (error) {
    await rm(temporary, { force: true });
    throw diskError(error, file, 'cut the events after the checkpoint');
  }
}
