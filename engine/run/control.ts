import { randomBytes, timingSafeEqual } from 'node:crypto';
import { chmod, mkdtemp, rm, rmdir } from 'node:fs/promises';
import { createConnection, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { z } from 'zod';
import { errorCode } from '../error-code.ts';
import { SageError } from '../errors.ts';
import { diskError, errnoOf, writeFileAtomic } from './disk.ts';
import { readStart } from './regular.ts';

export const controlRequests = ['pause', 'continue', 'checkpoint', 'stop', 'status'] as const;
export type ControlRequest = (typeof controlRequests)[number];

/** Answers a request; what it returns goes to the one who asked. A SageError is passed on with code and remedy. */
export type ControlHandler = (request: ControlRequest, by: string) => Promise<Record<string, unknown> | void>;

const requestSchema = z.strictObject({
  token: z.string().max(100),
  request: z.enum(controlRequests),
  /** Who asks, for the event log. */
  by: z.string().max(200).default('unknown'),
});
const replySchema = z.discriminatedUnion('ok', [
  z.looseObject({ ok: z.literal(true) }),
  z.object({ ok: z.literal(false), code: errorCode, message: z.string(), remedy: z.string().optional() }),
]);
const addressSchema = z.object({ v: z.literal(1), pid: z.number(), token: z.string(), path: z.string() });
type Reply = z.infer<typeof replySchema>;

const maxRequestBytes = 4096;
const maxReplyBytes = 1 << 20;
/** sun_path holds 104 bytes on macOS and 108 on Linux, with the closing zero. */
const maxSocketPath = 103;
const idleMilliseconds = 10_000;
const privatePrefix = 'sage-control-';

const addressFile = (folder: string) => join(folder, 'control.json');

function listen(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(path, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

/** Listens in the run folder, or where that path is too long or holds no sockets, in a private temporary folder. */
async function listenSomewhere(server: Server, folder: string): Promise<string> {
  if (process.platform === 'win32') {
    const pipe = `\\\\.\\pipe\\sage-grpo-${randomBytes(16).toString('hex')}`;
    await listen(server, pipe);
    return pipe;
  }
  const near = join(folder, 'control.sock');
  if (Buffer.byteLength(near) <= maxSocketPath) {
    try {
      await rm(near, { force: true });
      await listen(server, near);
      await chmod(near, 0o600);
      return near;
    } catch (error) {
      if (!['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'EINVAL'].includes(errnoOf(error) ?? '')) throw error;
    }
  }
  const far = join(await mkdtemp(join(tmpdir(), privatePrefix)), 'control.sock'); // mkdtemp makes it 0700
  await listen(server, far);
  return far;
}

/** Removes the socket, and its folder if that is a private one of ours. */
async function removeSocket(path: string): Promise<void> {
  if (process.platform === 'win32' || basename(path) !== 'control.sock') return;
  await rm(path, { force: true });
  if (basename(dirname(path)).startsWith(privatePrefix)) await rmdir(dirname(path)).catch(() => undefined);
}

/** Bytes; an address has some hundred. */
const maximumAddress = 64 << 10;

async function readAddress(folder: string): Promise<z.infer<typeof addressSchema> | null> {
  try {
    const parsed = addressSchema.safeParse(JSON.parse(await readStart(addressFile(folder), maximumAddress)));
    return parsed.success ? parsed.data : null;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' || error instanceof SyntaxError) return null;
    throw diskError(error, addressFile(folder), 'find the trainer of the run');
  }
}

function sameToken(given: string, expected: string): boolean {
  const a = Buffer.from(given);
  const b = Buffer.from(expected);
  return a.length === b.length && timingSafeEqual(a, b);
}

async function answer(line: string, token: string, handler: ControlHandler): Promise<Reply> {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return { ok: false, code: 'control/bad-request', message: 'The request is not JSON.' };
  }
  const parsed = requestSchema.safeParse(value);
  if (!parsed.success) {
    const { path, message } = parsed.error.issues[0];
    return {
      ok: false,
      code: 'control/bad-request',
      message: `The request has a fault at ${path.join('.')}: ${message}`,
    };
  }
  if (!sameToken(parsed.data.token, token))
    return { ok: false, code: 'control/not-allowed', message: 'The token is not that of this run.' };
  try {
    return { ...(await handler(parsed.data.request, parsed.data.by)), ok: true };
  } catch (error) {
    const { code, remedy } =
      error instanceof SageError ? error : { code: 'internal/error' as const, remedy: undefined };
    return { ok: false, code, message: error instanceof Error ? error.message : String(error), remedy };
  }
}

/** Reads one line of at most `limit` bytes after the other; `onLine` is awaited before the next. */
function readLines(socket: Socket, limit: number, onLine: (line: string) => Promise<void>, onExcess: () => void): void {
  let pending = Buffer.alloc(0);
  let turn: Promise<void> = Promise.resolve();
  socket.on('data', (chunk: Buffer) => {
    pending = Buffer.concat([pending, chunk]);
    for (let end = pending.indexOf(10); end >= 0 && end <= limit; end = pending.indexOf(10)) {
      const line = pending.toString('utf8', 0, end);
      pending = pending.subarray(end + 1);
      turn = turn.then(() => onLine(line)).catch(() => void socket.destroy());
    }
    if (pending.length > limit) {
      pending = Buffer.alloc(0);
      socket.pause();
      onExcess();
    }
  });
}

function serve(socket: Socket, token: string, handler: ControlHandler): void {
  socket.on('error', () => socket.destroy());
  socket.on('timeout', () => socket.destroy());
  socket.setTimeout(idleMilliseconds);
  const send = (reply: Reply) => socket.write(JSON.stringify(reply) + '\n');
  const onLine = async (line: string) => {
    socket.setTimeout(0); // a checkpoint may take as long as it takes
    send(await answer(line, token, handler));
    socket.setTimeout(idleMilliseconds);
  };
  readLines(socket, maxRequestBytes, onLine, () => {
    const message = `A request has at most ${maxRequestBytes} bytes.`;
    socket.end(JSON.stringify({ ok: false, code: 'control/bad-request', message }) + '\n', () => socket.destroy());
  });
}

export interface Control {
  /** Where the socket is; the run folder unless its path is too long for a socket. */
  path: string;
  /** Closes the socket and removes every file of it. */
  close(): Promise<void>;
}

/**
 * Opens the control socket of a run whose lock this process holds. Its address and token are in control.json, which only
 * the user can read.
 * @throws SageError for a disk error
 */
export async function openControl(folder: string, handler: ControlHandler): Promise<Control> {
  const token = randomBytes(32).toString('hex');
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    serve(socket, token, handler);
  });
  server.maxConnections = 32;
  server.on('error', () => undefined); // a connection that cannot be accepted must not end training
  const before = await readAddress(folder);
  let path: string | undefined;

  async function close(): Promise<void> {
    for (const socket of sockets) socket.destroySoon();
    await new Promise((resolve) => server.close(resolve));
    if (path !== undefined) await removeSocket(path);
    await rm(addressFile(folder), { force: true });
  }
  try {
    if (before) await removeSocket(before.path);
    path = await listenSomewhere(server, folder);
    const address = JSON.stringify({ v: 1, pid: process.pid, token, path });
    await writeFileAtomic(addressFile(folder), address + '\n', { mode: 0o600, doing: 'open the control socket' });
  } catch (error) {
    await close();
    throw diskError(error, folder, 'open the control socket');
  }
  server.unref(); // the trainer ends when its work does
  return { path, close };
}

function nobody(folder: string, cause?: unknown): SageError {
  return new SageError('run/no-trainer', `No trainer runs ${folder}.`, 'Start it again, or look at what it has done.', {
    place: { file: folder },
    advice: [
      { action: 'resume', run: folder },
      { action: 'inspect', run: folder },
    ],
    cause,
  });
}

function exchange(path: string, request: string, milliseconds: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = createConnection(path);
    const fail = (error: Error) => {
      socket.destroy();
      reject(error);
    };
    const timer = setTimeout(() => fail(new SageError('control/timeout', '', '')), milliseconds);
    socket.on('error', fail);
    socket.on('close', () => {
      clearTimeout(timer);
      reject(Object.assign(new Error('the trainer closed the connection'), { code: 'ECONNRESET' }));
    });
    socket.on('connect', () => socket.write(request));
    const onLine = async (line: string) => {
      resolve(line);
      socket.end();
    };
    readLines(socket, maxReplyBytes, onLine, () => fail(new Error('the reply is too long')));
  });
}

/**
 * Sends one request to the trainer of a run and returns its answer.
 * @throws SageError `run/no-trainer` when none runs, `control/timeout` when it does not answer in time, or the refusal itself
 */
export async function sendControl(
  folder: string,
  request: ControlRequest,
  options: { by?: string; timeoutSeconds?: number } = {},
): Promise<Record<string, unknown>> {
  const timeoutSeconds = options.timeoutSeconds ?? 30;
  const address = await readAddress(folder);
  if (!address) throw nobody(folder);
  const line = JSON.stringify({ token: address.token, request, by: options.by ?? 'command line' }) + '\n';
  let text: string;
  try {
    text = await exchange(address.path, line, timeoutSeconds * 1000);
  } catch (error) {
    if (['ECONNREFUSED', 'ENOENT', 'ECONNRESET', 'EPIPE', 'ENOTSOCK'].includes(errnoOf(error) ?? ''))
      throw nobody(folder, error);
    if (!(error instanceof SageError)) throw diskError(error, address.path, 'reach the trainer');
    throw new SageError(
      'control/timeout',
      `The trainer (process ${address.pid}) did not answer "${request}" within ${timeoutSeconds} s.`,
      'It may be busy; look at engine.log in the run folder and try again.',
      { place: { file: folder } },
    );
  }
  const reply = replySchema.parse(JSON.parse(text));
  if (!reply.ok) throw new SageError(reply.code, reply.message, reply.remedy ?? '', { place: { file: folder } });
  const answered: Record<string, unknown> = { ...reply };
  delete answered.ok;
  return answered;
}
