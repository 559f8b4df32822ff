import type { FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';
import { SageError } from '../errors.ts';
import { eventFault, type KnownKinds, type RunEvent } from './events.ts';

const chunkBytes = 1 << 20;
/** A longer line is junk: the largest events, with a thousand videos, have about 1 MiB. */
const maximumLineBytes = 8 << 20;

export interface ReadOptions {
  /** Events with a smaller seq are left out (default 0: all). */
  fromSeq?: number;
  /** `full` checks every line against its schema; `light` the videos of the first event of each kind that has some. */
  validate?: 'full' | 'light';
  /** Where to begin (default: at the start). */
  from?: Place;
}

/** A place between two lines: the byte after the line before, its number and seq. */
export interface Place {
  offset: number;
  line: number;
  seq: number | null;
}

/** Events that were read together. */
export interface Batch {
  events: RunEvent[];
  /** By event, the byte at which its line begins. */
  offsets: number[];
  /** Where the batch begins. */
  place: Place;
}

/** Where a reading stands: after the last line taken. */
export interface Cursor extends Place {
  file: string;
  known: KnownKinds | undefined;
}

export function startCursor(file: string, options: ReadOptions): Cursor {
  const { validate, from = { offset: 0, line: 0, seq: null } } = options;
  return { file, ...from, known: validate === 'light' ? new Set() : undefined };
}

export function corrupt(file: string, line: number, what: string): SageError {
  return new SageError(
    'events/corrupt',
    `Line ${line} of ${file} is not a valid event: ${what}.`,
    'Restore the file from a copy, or resume the run from a checkpoint before that line, which cuts ' +
      'the log there.',
    { place: { file, line }, advice: [{ action: 'resume-from', run: dirname(file) }] },
  );
}

/** Parses and checks one line and moves the cursor's line and seq on. SyntaxError when it is no JSON. */
export function takeLine(cursor: Cursor, text: string): RunEvent {
  const line = cursor.line + 1;
  if (text.length > maximumLineBytes) throw corrupt(cursor.file, line, 'it is too long');
  const value: unknown = JSON.parse(text);
  const fault = eventFault(value, cursor.known);
  if (fault !== null) throw corrupt(cursor.file, line, fault);
  const event = value as RunEvent;
  if (cursor.seq !== null && event.seq !== cursor.seq + 1)
    throw corrupt(cursor.file, line, `its seq is ${event.seq} where ${cursor.seq + 1} should follow`);
  cursor.line = line;
  cursor.seq = event.seq;
  return event;
}

/** Reads from the cursor up to the last line end within at least `chunkBytes`; null when no whole line is left. */
export async function readLines(handle: FileHandle, cursor: Cursor): Promise<{ bytes: Buffer; atEnd: boolean } | null> {
  const { size } = await handle.stat();
  for (let wanted = chunkBytes; ; wanted *= 4) {
    const length = Math.min(wanted, size - cursor.offset);
    if (length <= 0) return null;
    const buffer = Buffer.allocUnsafe(length);
    const { bytesRead } = await handle.read(buffer, 0, length, cursor.offset);
    const atEnd = cursor.offset + bytesRead >= size;
    const lineEnd = buffer.subarray(0, bytesRead).lastIndexOf(10) + 1;
    if (lineEnd === 0 && wanted > maximumLineBytes) throw corrupt(cursor.file, cursor.line + 1, 'it is too long');
    if (lineEnd > 0) return { bytes: buffer.subarray(0, lineEnd), atEnd: atEnd && lineEnd === bytesRead };
    if (atEnd || bytesRead === 0) return null;
  }
}

/**
 * Takes the next lines of the file; null at its end. A last line without an end, or one that is no JSON, was cut off
 * while it was written: it is no event yet, and the cursor stays before it.
 */
export async function readBatch(handle: FileHandle, cursor: Cursor): Promise<Batch | null> {
  const read = await readLines(handle, cursor);
  if (!read) return null;
  const { bytes, atEnd } = read;
  const place = { offset: cursor.offset, line: cursor.line, seq: cursor.seq };
  const events: RunEvent[] = [];
  const offsets: number[] = [];
  let begin = 0;
  for (let end = bytes.indexOf(10); end >= 0; end = bytes.indexOf(10, begin)) {
    try {
      events.push(takeLine(cursor, bytes.toString('utf8', begin, end)));
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
      if (atEnd && end === bytes.length - 1) break;
      throw corrupt(cursor.file, cursor.line + 1, 'it is not JSON');
    }
    offsets.push(place.offset + begin);
    begin = end + 1;
  }
  cursor.offset += begin;
  return begin === 0 ? null : { events, offsets, place };
}
