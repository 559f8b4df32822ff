import { MessageChannel, receiveMessageOnPort, Worker, type MessagePort } from 'node:worker_threads';
import { SageError } from '../../errors.ts';
import {
  awaitDone,
  createControl,
  isWorking,
  resetParts,
  setAsleep,
  spinWhile,
  stop,
  wake,
  type Control,
} from './control.ts';
import { createSender, type Parcel } from './crossing.ts';
import { loadGraphs } from './graphs.ts';
import type { LaneData, LaneFault, LaneReply, LaneTask, ParameterLayout } from './tasks.ts';
import { takeParts } from './work.ts';
import { createWorkspace, type Workspace } from './workspace.ts';

/** Threads that each run the graphs on one core; the calling one is the first of them. */
export interface Lanes {
  readonly layout: ParameterLayout;
  /**
   * Runs the parts 0…parts−1 of a task, each once, by whichever lane is free; results are in the task's shared arrays.
   * Await it before the next. The event loop turns between runs of a graph.
   * @throws the first error of a lane; SageError `policy/lane` when a lane's thread has died or lanes are closed
   */
  run(task: LaneTask, parts: number): Promise<void>;
  /** Ends the threads. */
  close(): Promise<void>;
}

/** A lane beside the calling thread. */
interface Helper {
  lane: number;
  worker: Worker;
  port: MessagePort;
  pack: (value: unknown) => Parcel;
  /** The error of the newest task. */
  fault: Error | null;
  /** Why the thread is of no more use. */
  dead: Error | null;
  ended: boolean;
  /** Called when something came from the thread. */
  news: () => void;
}

/**
 * Milliseconds that the calling thread blocks for the others' last parts before it lets its event loop turn. A thread that
 * a message wakes from its event loop is often put on the core of the one that sent it, and waits there for its turn.
 */
const blockLimit = 25;

/** Milliseconds that the end of the process waits for lanes at work. */
const exitPatience = 3000;

// Runs from source (.ts) and bundled (.js, beside the program), so the worker is found by the extension of this file.
const workerFile = new URL(import.meta.url.endsWith('.ts') ? './lane-worker.ts' : './lane-worker.js', import.meta.url);

/**
 * Loads the graphs in this thread and in `count` − 1 others. Idle ones do not keep the process alive.
 * @throws SageError `policy/graph` when a graph is missing or broken
 */
export async function startLanes(graphsFolder: string, count: number): Promise<Lanes> {
  const control = createControl(count - 1);
  const helpers = Array.from({ length: count - 1 }, (_, lane) => startHelper(graphsFolder, control, lane));
  const onExit = () => awaitIdle(control, helpers);
  process.on('exit', onExit);
  let open = true;
  const close = async () => {
    open = false;
    await endHelpers(control, helpers);
    process.off('exit', onExit);
  };
  try {
    const load = async () => createWorkspace(await loadGraphs(graphsFolder));
    const workspace = await together(control, helpers, load);
    const run = async (task: LaneTask, parts: number) => {
      if (!open) throw lost('it was closed');
      await runTask(control, helpers.slice(0, parts - 1), workspace, task, parts);
    };
    return { layout: workspace.layout, run, close };
  } catch (error) {
    await close();
    throw error;
  }
}

async function runTask(
  control: Control,
  helpers: readonly Helper[],
  workspace: Workspace,
  task: LaneTask,
  parts: number,
): Promise<void> {
  for (const { dead } of helpers) if (dead) throw dead;
  resetParts(control);
  for (const { lane, port, pack } of helpers) {
    port.postMessage(pack({ task, parts }));
    wake(control, lane);
  }
  await together(control, helpers, () => takeParts(workspace, control, task, parts));
}

/** Does this thread's share and waits for the others before it throws, so that no lane still works when it is over. */
async function together<T>(control: Control, helpers: readonly Helper[], own: () => Promise<T>): Promise<T> {
  const [share] = await Promise.allSettled([own()]);
  await finish(control, helpers);
  const faults = helpers.map(takeFault).filter((fault) => fault !== null);
  if (share.status === 'rejected') throw share.reason;
  if (faults.length > 0) throw faults[0];
  return share.value;
}

async function finish(control: Control, helpers: readonly Helper[]): Promise<void> {
  const working = () => helpers.some(({ lane, dead }) => !dead && isWorking(control, lane));
  if (spinWhile(working)) return;
  const until = performance.now() + blockLimit;
  for (const { lane, dead } of helpers) if (!dead) awaitDone(control, lane, until);
  if (!working()) return;
  setAsleep(control, true);
  for (const { worker } of helpers) worker.ref();
  while (working()) {
    await new Promise<void>((resolve) => {
      for (const helper of helpers) helper.news = resolve;
    });
  }
  for (const { worker } of helpers) worker.unref();
  setAsleep(control, false);
}

function startHelper(graphsFolder: string, control: Control, lane: number): Helper {
  const { port1: port, port2 } = new MessageChannel();
  const workerData: LaneData = { graphsFolder, control, lane, port: port2 };
  const worker = new Worker(workerFile, { workerData, transferList: [port2] });
  const quiet = () => {};
  const helper: Helper = {
    ...{ lane, worker, port, pack: createSender() },
    ...{ fault: null, dead: null, ended: false, news: quiet },
  };
  const lose = (reason: string) => {
    helper.dead ??= lost(reason);
    helper.news();
  };
  port.on('message', (reply: LaneReply) => take(helper, reply));
  worker.on('error', (error) => lose(error instanceof Error ? error.message : String(error)));
  worker.on('exit', (code) => {
    helper.ended = true;
    lose(`exit code ${code}`);
  });
  port.unref();
  worker.unref();
  return helper;
}

function take(helper: Helper, reply: LaneReply): void {
  if (reply.kind === 'fault') helper.fault = revive(reply.fault);
  helper.news();
}

/** The error of the task that has just ended, if there was one. */
function takeFault(helper: Helper): Error | null {
  for (let left; (left = receiveMessageOnPort(helper.port));) take(helper, left.message as LaneReply);
  const fault = helper.fault ?? helper.dead;
  helper.fault = null;
  return fault;
}

/** Lets the threads end by themselves: to terminate one inside onnxruntime would abort the process. */
async function endHelpers(control: Control, helpers: readonly Helper[]): Promise<void> {
  stop(control);
  await Promise.all(
    helpers.map(async ({ lane, worker, port, ended }) => {
      if (!ended) {
        worker.ref();
        const end = new Promise((resolve) => worker.once('exit', resolve));
        wake(control, lane);
        await end;
      }
      port.close();
    }),
  );
}

/** Node ends threads when the process exits, and one inside onnxruntime would then abort it: waits for a moment. */
function awaitIdle(control: Control, helpers: readonly Helper[]): void {
  stop(control);
  const until = performance.now() + exitPatience;
  for (const { lane, ended } of helpers) if (!ended) awaitDone(control, lane, until);
}

function lost(reason: string): SageError {
  return new SageError(
    'policy/lane',
    `A thread of the model ended unexpectedly: ${reason}.`,
    'Resume the run from its newest checkpoint; if it happens again, report it together with engine.log.',
  );
}

function revive({ message, stack, sage }: LaneFault): Error {
  if (sage) return new SageError(sage.code, message, sage.remedy, { place: sage.place });
  return Object.assign(new Error(message), { stack });
}
