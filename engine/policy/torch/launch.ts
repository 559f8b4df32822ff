import { spawn } from 'node:child_process';
import { appendFileSync } from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { workerFolder } from '../../python.ts';
import type { WorkerEnd } from './failure.ts';

/** Lines of the worker's output that are kept for an error. */
const keptLines = 60;
const longestLine = 2000;

/** A worker's process: Python itself, or torchrun with one Python a device. */
export interface WorkerProcess {
  readonly pid: number;
  readonly ended: Promise<WorkerEnd>;
  /** Newest lines of its output. */
  lastLines(): readonly string[];
  /** The file that its output goes to from here on; what there was before is put there first. */
  logTo(file: string): void;
  readonly log: string | null;
  /** Asks it to end, and kills it and all that it started when it does not. */
  stop(patience: number): Promise<WorkerEnd>;
}

/** Command and arguments that start a worker on some devices of this machine. */
export function workerCommand(python: string, devices: number): string[] {
  if (devices === 1) return [python, '-m', 'sage_worker'];
  const torchrun = ['-m', 'torch.distributed.run', '--standalone', '--nproc-per-node', String(devices)];
  return [python, ...torchrun, '-m', 'sage_worker'];
}

export interface LaunchOptions {
  command: readonly string[];
  /** `HOST:PORT` that it shall call, and the word by which it is known there. Never in the arguments, which all can see. */
  address: string;
  token: string;
}

/** Starts a worker in a process group of its own, so that Ctrl-C reaches the trainer alone. */
export function launchWorker({ command, address, token }: LaunchOptions): WorkerProcess {
  const [program, ...argv] = command;
  const child = spawn(program, argv, {
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      ...process.env,
      PYTHONPATH: [workerFolder(), process.env.PYTHONPATH].filter(Boolean).join(path.delimiter),
      PYTHONUNBUFFERED: '1',
      SAGE_WORKER_ADDRESS: address,
      SAGE_WORKER_TOKEN: token,
    },
  });
  const lines: string[] = [];
  let log: string | null = null;
  let unlogged: string[] = [];
  const take = (line: string) => {
    lines.push(line.slice(0, longestLine));
    if (lines.length > keptLines) lines.shift();
    if (log === null) unlogged = [...unlogged, line].slice(-1000);
    else append(log, line);
  };
  for (const stream of [child.stdout, child.stderr]) createInterface({ input: stream }).on('line', take);
  const ended = new Promise<WorkerEnd>((resolve) => {
    child.once('error', (error) => {
      take(error.message);
      resolve({ code: null, signal: null });
    });
    // Not 'exit': what it said last must have come.
    child.once('close', (code, signal) => resolve({ code, signal }));
  });
  let over = false;
  void ended.then(() => (over = true));
  const pid = child.pid ?? 0;
  const signalAll = (signal: NodeJS.Signals) => {
    try {
      if (pid > 0) process.kill(-pid, signal);
    } catch {
      // It is gone already.
    }
  };
  return {
    pid,
    ended,
    lastLines: () => lines,
    get log() {
      return log;
    },
    logTo(file) {
      log = file;
      if (unlogged.length > 0) append(file, unlogged.join('\n'));
      unlogged = [];
    },
    async stop(patience) {
      if (!over) signalAll('SIGTERM');
      const timer = setTimeout(() => signalAll('SIGKILL'), patience);
      const end = await ended;
      clearTimeout(timer);
      // A rank that outlived torchrun holds a device.
      signalAll('SIGKILL');
      return end;
    },
  };
}

function append(file: string, text: string): void {
  try {
    appendFileSync(file, `${text}\n`);
  } catch {
    // A log that cannot be written must not stop training.
  }
}
