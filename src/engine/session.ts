import {
  CancellationTokenSource,
  createMessageConnection,
  ErrorCodes,
  ResponseError,
  StreamMessageWriter,
  type MessageConnection,
} from 'vscode-jsonrpc/node';
import { z } from 'zod';
import {
  errorData,
  firstIssue,
  notifications,
  protocolVersion,
  requests,
  type NotificationName,
  type NotificationOf,
  type ParamsOf,
  type Problem,
  type RequestName,
  type ResultOf,
} from '../../engine/protocol.ts';
import type { EngineCommand, LogSink } from './create.ts';
import { startHeartbeat, type Heartbeat } from './heartbeat.ts';
import { plainText } from './log-lines.ts';
import { mannerOf } from './manner.ts';
import { createMessageReader } from './messages.ts';
import type { EndingStep, EnginePolicy } from './policy.ts';
import { engineError, isEngineError, problems } from './problems.ts';
import { startProcess, type EngineProcess } from './process.ts';

/** One process of the engine, from its hello to its end. */
export interface Session {
  readonly hello: ResultOf<'engine/hello'>;
  /** Whether it can be asked: nothing is known against it. */
  readonly alive: boolean;
  /**
   * Asks once.
   * @returns null when the process ended before it answered
   * @throws EngineError what it refused, a cancellation, or a result that is not of the protocol
   */
  request<Name extends RequestName>(
    name: Name,
    params: ParamsOf<Name>,
    signal?: AbortSignal,
  ): Promise<{ result: ResultOf<Name> } | null>;
  /** Resolves when the process is gone, with why. */
  readonly ended: Promise<Problem>;
  /** Ends the process, first by asking. */
  close(): Promise<void>;
}

export interface SessionOptions {
  command: EngineCommand;
  client: { name: string; version: string };
  policy: EnginePolicy;
  log: LogSink;
  /** Takes what the engine tells; it has been checked. */
  notify<Name extends NotificationName>(name: Name, params: NotificationOf<Name>): void;
  /** Ends the start. */
  signal: AbortSignal;
}

/** `final`: another try would end the same way. */
export type Opened = { session: Session } | { session: null; problem: Problem; final: boolean };

/** What an error response says. */
function refusal(error: ResponseError<unknown>): Problem {
  const data = errorData.safeParse(error.data);
  if (data.success) return { ...data.data, message: error.message };
  return { code: 'engine/error', message: error.message, remedy: '', place: {} };
}

/** What the engine sent may hold anything. */
function faultOf(error: z.ZodError): string {
  return plainText(firstIssue(error)).slice(0, 200);
}

/** A connection to a process, with all that can be wrong with it brought to one place: `fail`. */
interface Line {
  readonly connection: MessageConnection;
  readonly alive: boolean;
  /** Notes what is wrong, the first thing only, and ends the process. */
  fail(problem: Problem, from?: EndingStep): void;
  onHeard(listener: () => void): void;
  readonly ended: Promise<Problem>;
}

function openLine(engine: EngineProcess, options: SessionOptions): Line {
  const { policy, log } = options;
  let fault: Problem | null = null;
  let heard = () => {};
  let received = 0;
  let handled = 0;

  function fail(problem: Problem, from: EndingStep = 'SIGTERM'): void {
    if (fault) return;
    fault = problem;
    if (problem.code !== 'engine/stopped') log.error(`${problem.message} [${problem.code}]`);
    void engine.end(from);
  }
  const reader = createMessageReader(
    engine.output,
    policy.messages,
    (what) => fail(problems.nonsense(what)),
    () => heard(),
  );
  const counting = {
    ...reader,
    listen: (callback: Parameters<typeof reader.listen>[0]) =>
      reader.listen((message) => {
        received += 1;
        callback(message);
      }),
  };
  const warn = (text: string) => log.warn(plainText(text).slice(0, policy.log.line));
  const logger = { error: warn, warn, info: () => {}, log: () => {} };
  const connection = createMessageConnection(counting, new StreamMessageWriter(engine.input), logger, {
    messageStrategy: {
      handleMessage(message, next) {
        handled += 1;
        void next(message);
      },
    },
  });
  connection.onNotification((method: string, params: unknown) => {
    if (!Object.hasOwn(notifications, method))
      return log.warn(`unknown notification ${plainText(method).slice(0, 100)}`);
    const name = method as NotificationName;
    const checked = notifications[name].safeParse(params);
    if (checked.success) options.notify(name, checked.data);
    else fail(problems.nonsense(`the notification ${name} is not valid (${faultOf(checked.error)}).`));
  });
  connection.listen();
  // A process that ends closes its output too.
  let closed: NodeJS.Timeout | undefined;
  reader.onClose(
    () => (closed = setTimeout(() => fail(problems.nonsense('it closed its standard output.')), policy.farewell)),
  );
  const ended = engine.gone.then(async (how) => {
    clearTimeout(closed);
    // Answers that it still gave count.
    while (handled < received) await new Promise((resolve) => setImmediate(resolve));
    fault ??= problems.ended(how, engine.lastWords());
    log.info(`process ${engine.pid} is gone (${how})`);
    connection.dispose();
    return fault;
  });
  return {
    connection,
    fail,
    ended,
    get alive() {
      return fault === null;
    },
    onHeard: (listener) => void (heard = listener),
  };
}

/** A promise that rejects when the signal says so, or never. */
function aborted(signal: AbortSignal): { promise: Promise<never>; forget(): void } {
  let listener = () => {};
  const promise = new Promise<never>((_, reject) => {
    listener = () => reject(engineError(problems.cancelled()));
    if (signal.aborted) listener();
    else signal.addEventListener('abort', listener, { once: true });
  });
  promise.catch(() => {});
  return { promise, forget: () => signal.removeEventListener('abort', listener) };
}

/** Codes of errors that vscode-jsonrpc makes itself, when there is no answer. */
const withoutAnswer = new Set<number>([
  ErrorCodes.MessageWriteError,
  ErrorCodes.MessageReadError,
  ErrorCodes.PendingResponseRejected,
  ErrorCodes.ConnectionInactive,
]);

/** Sends one request; see `Session.request`. */
async function ask<Name extends RequestName>(
  line: Line,
  name: Name,
  params: ParamsOf<Name>,
  signal: AbortSignal = new AbortController().signal,
): Promise<{ result: ResultOf<Name> } | null> {
  if (signal.aborted) throw engineError(problems.cancelled());
  if (!line.alive) return null;
  const source = new CancellationTokenSource();
  const cancel = () => source.cancel();
  signal.addEventListener('abort', cancel, { once: true });
  const abort = aborted(signal);
  let raw: unknown;
  try {
    const answer = line.connection.sendRequest(name, params, source.token);
    // What acts may be done already; only its answer tells.
    raw = await (mannerOf[name] === 'acts' ? answer : Promise.race([answer, abort.promise]));
  } catch (error) {
    if (isEngineError(error)) throw error;
    if (error instanceof ResponseError && !withoutAnswer.has(error.code)) throw engineError(refusal(error), error);
    // It cannot be written to, or is gone.
    line.fail(problems.nonsense('it closed its standard input.'));
    return null;
  } finally {
    signal.removeEventListener('abort', cancel);
    abort.forget();
  }
  const checked = requests[name].result.safeParse(raw);
  if (checked.success) return { result: checked.data as ResultOf<Name> };
  const problem = problems.nonsense(`the answer to ${name} is not valid (${faultOf(checked.error)}).`);
  line.fail(problem);
  throw engineError(problem);
}

type Greeting = { hello: ResultOf<'engine/hello'> } | { hello: null; problem: Problem; final: boolean };

const versionOf = z.object({ protocolVersion: z.number() });

/** Says hello and checks that both sides speak the same protocol. */
async function greet(line: Line, { client, policy }: SessionOptions): Promise<Greeting> {
  const refused = (problem: Problem, final: boolean): Greeting => ({ hello: null, problem, final });
  const { connection, ended } = line;
  const limit = AbortSignal.timeout(policy.hello);
  const late = aborted(limit);
  const answer = Promise.race([
    connection.sendRequest('engine/hello', { protocolVersion, client }).then((hello: unknown) => ({ hello })),
    ended.then((problem) => ({ problem })),
    late.promise,
  ]);
  try {
    const came = await answer;
    if ('problem' in came) return refused(came.problem, false);
    // It may say hello after something else.
    if (!line.alive) return refused(await ended, false);
    const theirs = versionOf.safeParse(came.hello).data?.protocolVersion;
    if (theirs !== undefined && theirs !== protocolVersion)
      return refused(problems.otherVersion(protocolVersion, theirs), true);
    const checked = requests['engine/hello'].result.safeParse(came.hello);
    if (checked.success) return { hello: checked.data };
    return refused(problems.nonsense(`the answer to engine/hello is not valid (${faultOf(checked.error)}).`), true);
  } catch (error) {
    if (limit.aborted) return refused(problems.silent(policy.hello / 1000), false);
    if (error instanceof ResponseError && !withoutAnswer.has(error.code)) return refused(refusal(error), true);
    return refused(await ended, false);
  } finally {
    late.forget();
  }
}

function heartbeatOf(line: Line, policy: EnginePolicy): Heartbeat {
  // Refused is answered too.
  const ping = async () => void (await ask(line, 'engine/ping', {}).catch(() => null));
  return startHeartbeat(policy.heartbeat, ping, (seconds) => line.fail(problems.hangs(seconds), 'SIGKILL'));
}

/**
 * Starts a process of the engine and says hello to it. Where that fails, the process is gone when this resolves.
 * @throws EngineError `engine/not-started`
 */
export async function openSession(options: SessionOptions): Promise<Opened> {
  const { policy, signal } = options;
  const engine = await startProcess(options.command, policy, options.log);
  const line = openLine(engine, options);
  const stopped = () => line.fail(problems.stopped(), policy.ending[0].by);
  if (signal.aborted) stopped();
  signal.addEventListener('abort', stopped, { once: true });
  const greeting = await greet(line, options);
  signal.removeEventListener('abort', stopped);
  if (greeting.hello === null) {
    line.fail(greeting.problem);
    await line.ended;
    return { session: null, problem: greeting.problem, final: greeting.final };
  }
  const heartbeat = heartbeatOf(line, policy);
  line.onHeard(heartbeat.heard);
  void line.ended.then(heartbeat.stop);
  return {
    session: {
      hello: greeting.hello,
      get alive() {
        return line.alive;
      },
      request: (name, params, signal) => ask(line, name, params, signal),
      ended: line.ended,
      async close() {
        heartbeat.stop();
        line.fail(problems.stopped(), policy.ending[0].by);
        await line.ended;
      },
    },
  };
}
