import { spawn, type ChildProcess } from 'node:child_process';
import { statSync } from 'node:fs';
import type { Readable, Writable } from 'node:stream';
import type { EngineCommand, LogSink } from './create.ts';
import { readLogLines } from './log-lines.ts';
import type { EndingStep, EnginePolicy } from './policy.ts';
import { engineError, problems } from './problems.ts';

/** A process that runs, with its standard error going to the log. */
export interface EngineProcess {
  readonly pid: number;
  readonly input: Writable;
  readonly output: Readable;
  /** Resolves when it is gone and all that it wrote was read, with how it ended: `exit code 1`. */
  readonly gone: Promise<string>;
  /** What it printed last. */
  lastWords(): string;
  /** Ends it, by that step and then by the harder ones; resolves when it is gone. */
  end(from: EndingStep): Promise<void>;
}

function environment(changes: EngineCommand['env']): NodeJS.ProcessEnv {
  const all: NodeJS.ProcessEnv = { ...process.env };
  for (const [name, value] of Object.entries(changes)) {
    if (value === undefined) delete all[name];
    else all[name] = value;
  }
  return all;
}

function isFolder(folder: string): boolean {
  return statSync(folder, { throwIfNoEntry: false })?.isDirectory() ?? false;
}

/** @throws EngineError `engine/not-started` */
async function spawned({ executable, argv, env, cwd, label }: EngineCommand): Promise<ChildProcess> {
  const refuse = (reason: string, cause?: unknown) =>
    engineError(problems.notStarted(label, executable, reason), cause);
  // The system says the same for a folder that is missing as for a program.
  if (!isFolder(cwd)) throw refuse(`there is no folder ${cwd}`);
  let child: ChildProcess;
  try {
    child = spawn(executable, argv, { cwd, env: environment(env), stdio: 'pipe', windowsHide: true });
  } catch (error) {
    throw refuse((error as Error).message, error);
  }
  return new Promise((resolve, reject) => {
    child.once('spawn', () => resolve(child));
    // It also comes when a signal cannot be sent; the ending goes on to the next step then.
    child.on('error', (error: NodeJS.ErrnoException) =>
      reject(refuse(error.code === 'ENOENT' ? 'there is no such program' : error.message, error)),
    );
  });
}

interface Ending {
  readonly exited: Promise<void>;
  readonly gone: Promise<string>;
  /** Takes it for gone though the system still has it. */
  abandon(): void;
}

function endingOf(child: ChildProcess, farewell: number): Ending {
  let abandon = () => {};
  const exited = new Promise<void>((resolve) => {
    child.once('exit', () => resolve());
    abandon = resolve;
  });
  const closed = new Promise<void>((resolve) => child.once('close', () => resolve()));
  const gone = exited.then(async () => {
    // Others may hold its pipes open.
    await within(farewell, closed);
    for (const stream of [child.stdin!, child.stdout!, child.stderr!]) stream.destroy();
    if (child.exitCode === null && child.signalCode === null) return 'it cannot be killed';
    return child.signalCode ?? `exit code ${child.exitCode}`;
  });
  return { exited, gone, abandon };
}

/** Whether something came within the time. */
async function within(milliseconds: number, what: Promise<unknown>): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<false>((resolve) => (timer = setTimeout(() => resolve(false), milliseconds)));
  const came = await Promise.race([what.then(() => true), late]);
  clearTimeout(timer);
  return came;
}

/**
 * Starts a program without a shell.
 * @throws EngineError `engine/not-started`
 */
export async function startProcess(command: EngineCommand, policy: EnginePolicy, log: LogSink): Promise<EngineProcess> {
  const child = await spawned(command);
  const pid = child.pid!;
  const { exited, gone, abandon } = endingOf(child, policy.farewell);
  const lines = readLogLines(child.stderr!, policy.log, (text) => log.info(text));
  // A process that is gone takes nothing; its end is told by `gone`.
  for (const stream of [child.stdin!, child.stdout!]) stream.on('error', () => {});

  async function end(from: EndingStep): Promise<void> {
    const first = policy.ending.findIndex(({ by }) => by === from);
    for (const { by, wait } of policy.ending.slice(first)) {
      if (child.exitCode !== null || child.signalCode !== null) break;
      if (by === 'input') child.stdin!.end();
      else child.kill(by);
      if (await within(wait, exited)) break;
      log.warn(`process ${pid} is still there ${wait} ms after ${by === 'input' ? 'its input was closed' : by}`);
    }
    abandon();
    await gone;
  }
  return {
    pid,
    input: child.stdin!,
    output: child.stdout!,
    gone: gone.then((how) => {
      lines.flush();
      return how;
    }),
    lastWords: () => lines.tail(),
    end,
  };
}
