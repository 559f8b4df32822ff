import { rm } from 'node:fs/promises';
import type { SageError } from '../../errors.ts';
import { cacheFolder, findPython } from '../../python.ts';
import { listenForWorker, type Channel, type RequestOptions } from './channel.ts';
import { noPython, workerDied, type Circumstances } from './failure.ts';
import { launchWorker, workerCommand, type WorkerProcess } from './launch.ts';
import type { Hello, Op, ResultOf } from './messages.ts';
import { makeScratch } from './scratch.ts';

/** Packages without which a worker cannot run a model. */
const packagesOf = (model: string) =>
  model === 'shapes'
    ? ['torch', 'safetensors']
    : ['torch', 'safetensors', 'diffusers', 'transformers', 'peft', 'accelerate', 'av', 'pillow'];

/** What `init` takes; see docs/worker.md. */
export interface WorkerSettings {
  model: string;
  /** A file, a folder or a repository; null for the released weights. */
  weights: string | null;
  sampling: { frames: number; height: number; width: number };
  precision: 'bf16' | 'fp32';
  adapter: { kind: 'none' | 'lora'; rank: number; alpha: number };
  activationCheckpointing: boolean;
  guidanceBatching: 'auto' | 'batched' | 'sequential';
  offloadAnchor: boolean;
  /** Of a pass through the network, where the model takes so many and memory has room for them. */
  rowsPerPass: number;
  seed: number;
  /** What the worker scores; null where the trainer does it. Relative paths start at `base`. */
  reward: {
    models: readonly string[];
    python: string | null;
    heldOut: readonly string[];
    checkpoints: Readonly<Record<string, string>>;
    base: string;
  } | null;
}

/** A worker that has loaded its model. */
export interface Worker {
  readonly hello: Hello;
  readonly description: ResultOf<'init'>;
  ask<Name extends Op>(op: Name, fields?: Record<string, unknown>, options?: RequestOptions): Promise<ResultOf<Name>>;
  /** Asks for something whose answer nobody waits for; a failure is thrown by the next `ask`. */
  tell(op: Op, fields: Record<string, unknown>): void;
  peakMemory(): number;
  /** Its output goes to this file from here on. */
  logTo(file: string): void;
  /** Ends its processes, whatever they are at. */
  close(): Promise<void>;
}

/** Milliseconds in which a worker ends by itself when it is asked to. */
const patience = 10_000;

/**
 * Starts a worker on `devices` devices of this machine and loads the model.
 * @throws SageError where there is no Python for it, it does not start, or it cannot load the model
 */
export async function startWorker(settings: WorkerSettings, devices: number): Promise<Worker> {
  const found = await findPython(packagesOf(settings.model));
  if (found.python === null) throw noPython(found.tried);
  return openWorker(workerCommand(found.python, devices), settings);
}

/** Starts a worker by a command and loads the model. */
export async function openWorker(command: readonly string[], settings: WorkerSettings): Promise<Worker> {
  const scratch = await makeScratch();
  const listener = await listenForWorker();
  const { address, token } = listener;
  const running = launchWorker({ command, address, token });
  try {
    const channel = await listener.accept({
      circumstances: (doing) => circumstancesOf(running, doing),
      died: (doing, wait) => deathOf(running, doing, wait),
    });
    const description = await channel.request('init', { ...settings, cache: cacheFolder(), scratch });
    return createWorker(channel, description, running, scratch);
  } catch (error) {
    listener.close();
    await running.stop(patience);
    await rm(scratch, { recursive: true, force: true });
    throw error;
  }
}

function circumstancesOf(running: WorkerProcess, doing: string): Circumstances {
  return { doing, lines: running.lastLines(), log: running.log };
}

async function deathOf(running: WorkerProcess, doing: string, wait: number | null): Promise<SageError> {
  let timer: NodeJS.Timeout | undefined;
  if (wait !== null) timer = setTimeout(() => void running.stop(patience), wait);
  const end = await running.ended;
  clearTimeout(timer);
  return workerDied(end, circumstancesOf(running, doing));
}

function wait(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds).unref());
}

function createWorker(
  channel: Channel,
  description: ResultOf<'init'>,
  running: WorkerProcess,
  scratch: string,
): Worker {
  let unseen: unknown = null;
  let closed: Promise<void> | null = null;
  async function end(): Promise<void> {
    // One that is at something would not hear of it: then its connection ends, and it with that.
    if (!channel.busy()) {
      const ended = channel.request('close', {}).then(() => running.ended);
      await Promise.race([ended.catch(() => {}), wait(patience)]);
    }
    channel.close();
    await running.stop(patience);
    await rm(scratch, { recursive: true, force: true });
  }
  return {
    hello: channel.hello,
    description,
    async ask(op, fields = {}, options) {
      const error = unseen;
      unseen = null;
      if (error !== null) throw error;
      return channel.request(op, fields, options);
    },
    tell(op, fields) {
      channel.request(op, fields).catch((error: unknown) => (unseen ??= error));
    },
    peakMemory: () => channel.peakMemory(),
    logTo: (file) => running.logTo(file),
    close: () => (closed ??= end()),
  };
}
