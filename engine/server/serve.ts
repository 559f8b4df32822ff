import type { Readable, Writable } from 'node:stream';
import path from 'node:path';
import type { CancellationToken, MessageConnection } from 'vscode-jsonrpc/node';
import { errorCodes, requests, type NotificationName, type NotificationOf, type RequestName } from '../protocol.ts';
import { openChannel } from './channel.ts';
import { createCommands } from './child.ts';
import { createHandlers, type Handlers, type ServerContext } from './handlers.ts';
import { sweepLaunchLogs, type Program } from './launch.ts';
import { createObservations } from './observations.ts';
import { problemOf } from './problem.ts';
import { createSubscriptions } from './subscriptions.ts';
import { watchRuns } from './watch.ts';
import { badParams, misuse, responseError } from './wire-error.ts';

export interface ServeOptions {
  /** Folder of the runs; it need not exist yet. */
  runsDir: string;
  input: Readable;
  output: Writable;
  /** How trainers and other commands are started. */
  program: Program;
  /** Takes one line for the log; it has no params, texts or tokens in it. */
  log(text: string): void;
  /** Ends the server as the end of the input does. */
  signal?: AbortSignal;
}

function abortSignal(token: CancellationToken): AbortSignal {
  const controller = new AbortController();
  if (token.isCancellationRequested) controller.abort();
  token.onCancellationRequested(() => controller.abort());
  return controller.signal;
}

/** Answers one request: checks the params, calls its handler, and puts what it throws into the words of the protocol. */
async function answer(
  context: ServerContext,
  handlers: Handlers,
  method: string,
  params: unknown,
  token: CancellationToken,
): Promise<unknown> {
  if (!Object.hasOwn(requests, method))
    throw misuse(
      'protocol/unknown-method',
      errorCodes.methodNotFound,
      `There is no request ${JSON.stringify(method)}.`,
    );
  const name = method as RequestName;
  const checked = requests[name].params.safeParse(params ?? {});
  if (!checked.success) throw badParams(method, checked.error);
  if (context.client === null && name !== 'engine/hello')
    throw misuse('protocol/no-hello', errorCodes.invalidRequest, `${method} came before engine/hello.`);
  try {
    const handle = handlers[name] as (params: unknown, signal: AbortSignal) => Promise<unknown>;
    return await handle(checked.data, abortSignal(token));
  } catch (error) {
    if (token.isCancellationRequested) throw responseError(problemOf(error), errorCodes.cancelled);
    const problem = problemOf(error);
    if (problem.code === 'internal/error')
      context.log(`${method} failed: ${error instanceof Error ? error.stack : problem.message}`);
    throw responseError(problem);
  }
}

function createContext(options: ServeOptions, connection: MessageConnection): ServerContext {
  const { program, log } = options;
  const runsDir = path.resolve(options.runsDir);
  // Awaited where it matters, so that a slow reader slows the sender and nothing piles up.
  const tell = <Name extends NotificationName>(name: Name, params: NotificationOf<Name>) =>
    connection.sendNotification(name, params);
  const subscriptions = createSubscriptions({
    page: (page) => tell('run/events', page),
    unreadable: (subscription, problem) => tell('run/unreadable', { subscription, problem }),
  });
  const observations = createObservations({
    view: (view) => tell('run/view', view),
    changed: (change) => tell('run/viewChanged', change),
    unobservable: (observation, problem) => tell('run/unobservable', { observation, problem }),
  });
  const fault = (error: unknown) => log(`watching the runs: ${problemOf(error).message}`);
  return {
    runsDir,
    program,
    commands: createCommands(program),
    subscriptions,
    observations,
    client: null,
    watcher: null,
    async startWatching() {
      const watcher = await watchRuns(runsDir, (changes) => tell('runs/changed', changes), fault);
      if (this.over) watcher.close();
      return watcher;
    },
    over: false,
    log,
  };
}

/**
 * Serves the runs of a folder over JSON-RPC until the input ends. It has no state but that of the connection: killed at
 * any moment, it leaves trainers as they are, and a client goes on with another from the last event that it has.
 */
export async function serve(options: ServeOptions): Promise<void> {
  const { input, output, log } = options;
  const connection = openChannel(input, output, log);
  const context = createContext(options, connection);
  const handlers = createHandlers(context);
  connection.onRequest((method, params, token) => answer(context, handlers, method, params, token));
  connection.onNotification((method) => log(`there is no notification ${JSON.stringify(method.slice(0, 100))}`));
  const ended = new Promise<void>((resolve) => {
    for (const event of ['end', 'close', 'error']) input.once(event, () => resolve());
    output.once('error', () => resolve());
    connection.onClose(() => resolve());
    options.signal?.addEventListener('abort', () => resolve(), { once: true });
  });
  connection.listen();
  log(`serving ${context.runsDir}`);
  await sweepLaunchLogs(context.runsDir);
  await ended;
  context.over = true;
  context.watcher?.close();
  context.subscriptions.close();
  context.observations.close();
  context.commands.close();
  connection.dispose();
  log('the editor has gone');
}
