import type { Readable } from 'node:stream';
import { Emitter, type DataCallback, type Message, type MessageReader } from 'vscode-jsonrpc/node';
import { z } from 'zod';
import { plainText } from './log-lines.ts';
import type { EnginePolicy } from './policy.ts';

const id = z.union([z.string(), z.number()]);
const jsonrpc = z.literal('2.0');
const absent = z.undefined().optional();
const present = z.custom<unknown>((value) => value !== undefined);
/** What an engine may send: answers to our requests, and notifications. */
const envelope = z.union([
  z.object({ jsonrpc, id, method: absent, error: absent, result: present }),
  z.object({ jsonrpc, id, method: absent, error: z.object({ code: z.number(), message: z.string() }) }),
  z.object({ jsonrpc, id: absent, method: z.string(), params: z.record(z.string(), z.unknown()) }),
]);

const beginning = 'content-';
const separator = Buffer.from('\r\n\r\n');

function quoted(bytes: Buffer): string {
  return JSON.stringify(plainText(bytes.subarray(0, 200).toString('utf8')).slice(0, 120));
}

/** Length of the body that a header tells, or what is wrong with the header. */
function bodyLength(header: string, most: number): number | string {
  const lengths = header.split('\r\n').map((line) => /^(content-[a-z]+): *(.*)$/i.exec(line));
  const found = lengths.find((match) => match?.[1].toLowerCase() === 'content-length')?.[2];
  if (lengths.includes(null) || found === undefined || !/^\d{1,15}$/.test(found))
    return 'a message has no valid header.';
  const length = Number(found);
  return length <= most ? length : `it announces a message of ${length} bytes; at most ${most} are taken.`;
}

/**
 * Reads messages that each stand behind a `Content-Length` header. The first thing that is none ends the reading.
 * @param onFault told once, with what came instead, as the end of a sentence
 * @param onHeard told of all bytes that come
 */
export function createMessageReader(
  input: Readable,
  limits: EnginePolicy['messages'],
  onFault: (what: string) => void,
  onHeard: () => void,
): MessageReader {
  const closed = new Emitter<void>();
  let chunks: Buffer[] = [];
  let size = 0;
  /** Of the body whose header was read. */
  let length: number | null = null;
  let over = false;

  function fault(what: string): void {
    over = true;
    chunks = [];
    onFault(what);
  }
  function buffered(): Buffer {
    if (chunks.length > 1) chunks = [Buffer.concat(chunks)];
    return chunks[0] ?? Buffer.alloc(0);
  }
  function drop(bytes: number): void {
    chunks = [buffered().subarray(bytes)];
    size -= bytes;
  }
  /** Reads a header; false when there is no whole one. */
  function readHeader(): boolean {
    const bytes = buffered();
    const begun = bytes.subarray(0, beginning.length).toString('latin1').toLowerCase();
    if (!beginning.startsWith(begun)) return (fault(`it printed ${quoted(bytes)}.`), false);
    const end = bytes.subarray(0, limits.headerBytes).indexOf(separator);
    if (end < 0) {
      if (size >= limits.headerBytes) fault(`a header does not end: ${quoted(bytes)}.`);
      return false;
    }
    const found = bodyLength(bytes.subarray(0, end).toString('latin1'), limits.bodyBytes);
    if (typeof found === 'string') return (fault(found), false);
    length = found;
    drop(end + separator.length);
    return true;
  }
  function readBody(callback: DataCallback): boolean {
    if (size < length!) return false;
    const body = buffered().subarray(0, length!);
    let message: unknown;
    try {
      message = JSON.parse(body.toString('utf8'));
    } catch {
      return (fault(`a message is not JSON: ${quoted(body)}.`), false);
    }
    if (!envelope.safeParse(message).success)
      return (fault(`a message is neither an answer nor a notification: ${quoted(body)}.`), false);
    drop(length!);
    length = null;
    callback(message as Message);
    return true;
  }
  function listen(callback: DataCallback) {
    const take = (chunk: Buffer) => {
      if (over) return;
      onHeard();
      chunks.push(chunk);
      size += chunk.length;
      while (!over && size > 0 && (length === null ? readHeader() : readBody(callback)));
    };
    input.on('data', take);
    input.once('close', () => closed.fire());
    return { dispose: () => void input.off('data', take) };
  }
  const never = () => ({ dispose: () => {} });
  return { onError: never, onPartialMessage: never, onClose: closed.event, listen, dispose: () => closed.dispose() };
}
