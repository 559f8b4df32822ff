import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { createServer, type Server, type Socket } from 'node:net';
import type { AddressInfo } from 'node:net';
import type { SageError } from '../../errors.ts';
import { workerFailed, workerGarbled, workerSilent, wrongVersion, type Circumstances } from './failure.ts';
import {
  doing,
  helloSchema,
  incomingSchema,
  lineFault,
  protocolVersion,
  results,
  type Hello,
  type Incoming,
  type Op,
  type ResultOf,
} from './messages.ts';

/** Milliseconds in which a worker ends that closed its connection; torchrun gives its other ranks 30 s. */
const torchrunPatience = 45_000;

/** Bytes of one line at most. */
const longestLine = 64 * 2 ** 20;

export interface RequestOptions {
  progress?(stage: string, done: number, of: number): void;
}

/** The connection to one worker: requests in order, one answer each. */
export interface Channel {
  readonly hello: Hello;
  /** Most bytes of memory that the worker has had so far, of its device or of the process. */
  peakMemory(): number;
  request<Name extends Op>(
    op: Name,
    fields: Record<string, unknown>,
    options?: RequestOptions,
  ): Promise<ResultOf<Name>>;
  /** Whether an answer is still to come. */
  busy(): boolean;
  close(): void;
}

export interface ChannelOptions {
  /** What the worker says of itself when something went wrong. */
  circumstances(doing: string): Circumstances;
  /**
   * Resolves with the error to give when the worker's process is gone.
   * @param patience milliseconds after which it is made to go; null to wait as long as it takes
   */
  died(doing: string, patience: number | null): Promise<SageError>;
  /** Seconds without any sign of life after which the worker is given up. */
  silence?: number;
  /** Seconds that it may take to call: Python imports torch meanwhile. */
  start?: number;
  /** Called once, when the connection cannot be used any more. */
  onBroken?(error: SageError): void;
}

/** A local address that one worker may call. */
export interface Listener {
  address: string;
  token: string;
  /** The worker that calls and knows the token. */
  accept(options: ChannelOptions): Promise<Channel>;
  close(): void;
}

/** Opens an address that only this machine can reach. */
export async function listenForWorker(): Promise<Listener> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  const token = randomBytes(32).toString('hex');
  return {
    address: `127.0.0.1:${port}`,
    token,
    accept: (options) => accept(server, token, options),
    close: () => void server.close(),
  };
}

/** Compares in a time that says nothing of where they differ. */
function sameToken(given: string, token: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(given), digest(token));
}

function accept(server: Server, token: string, options: ChannelOptions): Promise<Channel> {
  const at = 'started';
  const { start = 600 } = options;
  return new Promise((resolve, reject) => {
    let settled = false;
    const settle = (end: () => void) => {
      if (settled) return;
      settled = true;
      clearInterval(timer);
      server.close();
      end();
    };
    const timer = countdown(start, () => settle(() => reject(workerSilent(start, options.circumstances(at)))));
    void options.died(at, null).then((error) => settle(() => reject(error)));
    server.on('connection', (socket) => {
      const lines = readLines(socket, {
        onLine(message) {
          const heard = hear(message, token, options);
          if (heard === 'stranger') socket.destroy();
          else if ('error' in heard) {
            socket.destroy();
            settle(() => reject(heard.error));
          } else settle(() => resolve(createChannel(socket, lines, heard.hello, options)));
        },
        // One that calls and talks nonsense may be anybody; the worker itself is still to come.
        onFault: () => socket.destroy(),
        onEnd: () => {},
      });
    });
  });
}

/** What to make of the first message of a caller. */
function hear(
  message: Incoming,
  token: string,
  options: ChannelOptions,
): 'stranger' | { error: SageError } | { hello: Hello } {
  if ('failed' in message) {
    // Whoever else may call from this machine must not end the start, nor say what to do about it.
    if (!sameToken(message.token, token)) return 'stranger';
    return { error: workerFailed(message.failed, options.circumstances('started')) };
  }
  if (!('hello' in message) || !sameToken(message.hello.token, token)) return 'stranger';
  if (message.hello.protocol !== protocolVersion)
    return { error: wrongVersion(message.hello.protocol, protocolVersion) };
  const hello = helloSchema.safeParse(message.hello);
  if (hello.success) return { hello: hello.data };
  return { error: workerGarbled(lineFault(hello.error), options.circumstances('started')) };
}

interface Pending {
  op: Op;
  resolve(result: unknown): void;
  reject(error: SageError): void;
  progress: RequestOptions['progress'];
}

function createChannel(socket: Socket, lines: Lines, hello: Hello, options: ChannelOptions): Channel {
  const { silence = 180 } = options;
  const pending = new Map<number, Pending>();
  let sent = 0;
  let peak = 0;
  let quiet = 0;
  let broken: SageError | null = null;
  let closing = false;

  const current = () => doing[[...pending.values()][0]?.op ?? 'init'];
  const idle = () => (pending.size > 0 ? current() : 'waited');
  function fail(error: SageError): void {
    if (broken) return;
    broken = error;
    clearInterval(watchdog);
    socket.destroy();
    for (const { reject } of pending.values()) reject(error);
    pending.clear();
    options.onBroken?.(error);
  }
  // Counted by this process's own clock: one that was suspended with its worker has heard nothing meanwhile.
  const watchdog = setInterval(() => {
    quiet += 1;
    if (quiet > silence) fail(workerSilent(silence, options.circumstances(idle())));
  }, 1000);
  watchdog.unref();

  lines.handle({
    onLine(message) {
      quiet = 0;
      if ('heartbeat' in message) peak = Math.max(peak, message.heartbeat.peak);
      else if ('seq' in message) answer(message);
      else fail(workerGarbled('it said hello twice', options.circumstances(idle())));
    },
    onFault: (what) => fail(workerGarbled(what, options.circumstances(idle()))),
    onEnd() {
      if (closing || broken) return;
      clearInterval(watchdog);
      const at = idle();
      void options.died(at, torchrunPatience).then(fail);
    },
  });

  function answer(message: Extract<Incoming, { seq: number }>): void {
    const asked = pending.get(message.seq);
    if (!asked) return fail(workerGarbled(`it answered request ${message.seq}`, options.circumstances(idle())));
    if ('progress' in message) {
      const { stage, done, of } = message.progress;
      return asked.progress?.(stage, done, of);
    }
    pending.delete(message.seq);
    if ('error' in message) return asked.reject(workerFailed(message.error, options.circumstances(doing[asked.op])));
    peak = Math.max(peak, message.peak ?? 0);
    const result = results[asked.op].safeParse(message.ok);
    if (result.success) return asked.resolve(result.data);
    const error = workerGarbled(
      `its answer is wrong, ${lineFault(result.error)}`,
      options.circumstances(doing[asked.op]),
    );
    asked.reject(error);
    fail(error);
  }

  return {
    hello,
    peakMemory: () => peak,
    request(op, fields, { progress } = {}) {
      if (broken) return Promise.reject(broken);
      const seq = (sent += 1);
      return new Promise((resolve, reject) => {
        pending.set(seq, { op, resolve: resolve as Pending['resolve'], reject, progress });
        socket.write(`${JSON.stringify({ seq, op, ...fields })}\n`);
      });
    },
    busy: () => broken !== null || pending.size > 0,
    close() {
      closing = true;
      clearInterval(watchdog);
      socket.destroy();
    },
  };
}

interface LineHandler {
  onLine(message: Incoming): void;
  onFault(what: string): void;
  onEnd(): void;
}

interface Lines {
  /** Hands all that comes from here on to another. */
  handle(handler: LineHandler): void;
}

/** Splits what comes into lines and checks each; the first fault is the last that is told. */
function readLines(socket: Socket, first: LineHandler): Lines {
  let handler = first;
  let parts: Buffer[] = [];
  let held = 0;
  let faulty = false;
  const fault = (what: string) => {
    faulty = true;
    handler.onFault(what);
  };
  const take = (line: Buffer) => {
    const message = parseLine(line);
    if (typeof message === 'string') fault(message);
    else handler.onLine(message);
  };
  socket.setNoDelay(true);
  socket.on('data', (chunk: Buffer) => {
    let rest = chunk;
    for (let end = rest.indexOf(10); end >= 0 && !faulty; end = rest.indexOf(10)) {
      const line = Buffer.concat([...parts, rest.subarray(0, end)]);
      parts = [];
      held = 0;
      rest = rest.subarray(end + 1);
      take(line);
    }
    if (faulty || rest.length === 0) return;
    parts.push(rest);
    held += rest.length;
    if (held > longestLine) fault(`a line is longer than ${longestLine} bytes`);
  });
  // A connection that breaks ends as well, and why is told by the worker's process.
  socket.on('error', () => {});
  socket.on('close', () => handler.onEnd());
  return { handle: (next) => void (handler = next) };
}

/** The message of a line, or what is wrong with it. */
function parseLine(line: Buffer): Incoming | string {
  try {
    return incomingSchema.parse(JSON.parse(line.toString('utf8')));
  } catch (error) {
    return `${lineFault(error)} (${JSON.stringify(line.subarray(0, 120).toString('utf8'))})`;
  }
}

/** Calls back after so many seconds of this process's own time. */
function countdown(seconds: number, callback: () => void): NodeJS.Timeout {
  let left = seconds;
  const timer = setInterval(() => {
    left -= 1;
    if (left <= 0) callback();
  }, 1000);
  return timer;
}
