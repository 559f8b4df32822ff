import { Worker } from 'node:worker_threads';
import { SageError } from '../../errors.ts';
import {
  stopLanes,
  type LaneData,
  type LaneFault,
  type LaneReply,
  type LaneRequest,
  type LaneTask,
  type ParameterLayout,
} from './tasks.ts';

/** Threads that each run the graphs on one core. */
export interface Lanes {
  readonly layout: ParameterLayout;
  /**
   * Runs the parts 0…parts−1 of a task, each once, by whichever lane is free; results are in the task's shared arrays.
   * Await it before the next. @throws the first error of a lane; SageError `policy/lane` when a lane's thread has died
   */
  run(task: LaneTask, parts: number): Promise<void>;
  /** Ends the threads. */
  close(): Promise<void>;
}

interface Lane {
  worker: Worker;
  waiting: { resolve: (reply: LaneReply) => void; reject: (error: Error) => void } | null;
  /** Why the thread is of no more use. */
  dead: Error | null;
  ended: boolean;
}

/** Milliseconds that the end of the process waits for lanes at work. */
const exitPatience = 3000;

// Runs from source (.ts) and bundled (.js, beside the program), so the worker is found by the extension of this file.
const workerFile = new URL(import.meta.url.endsWith('.ts') ? './lane-worker.ts' : './lane-worker.js', import.meta.url);

/**
 * Starts the threads, each with its own sessions. Idle ones do not keep the process alive.
 * @throws SageError `policy/graph` when a graph is missing or broken
 */
export async function startLanes(graphsFolder: string, count: number): Promise<Lanes> {
  const busy = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT)).fill(count);
  const lanes = Array.from({ length: count }, () => startLane({ graphsFolder, busy }));
  const onExit = () => awaitIdle(busy);
  process.on('exit', onExit);
  const end = async () => {
    await close(lanes);
    process.off('exit', onExit);
  };
  try {
    const [first] = await all(lanes.map((lane) => answer(lane)));
    if (first.kind !== 'ready') throw new Error(`a lane started with "${first.kind}"`);
    return { layout: first.layout, run: (task, parts) => run(lanes, task, parts), close: end };
  } catch (error) {
    await end();
    throw error;
  }
}

function startLane(workerData: LaneData): Lane {
  const worker = new Worker(workerFile, { workerData });
  const lane: Lane = { worker, waiting: null, dead: null, ended: false };
  const take = () => {
    const { waiting } = lane;
    lane.waiting = null;
    worker.unref();
    return waiting;
  };
  const lose = (reason: string) => {
    lane.dead ??= new SageError(
      'policy/lane',
      `A thread of the model ended unexpectedly: ${reason}.`,
      'Resume the run from its newest checkpoint; if it happens again, report it together with engine.log.',
    );
    if (lane.waiting) Atomics.sub(workerData.busy, 0, 1);
    take()?.reject(lane.dead);
  };
  worker.on('message', (reply: LaneReply) => {
    if (reply.kind === 'fault') take()?.reject(revive(reply.fault));
    else take()?.resolve(reply);
  });
  worker.on('error', (error) => lose(error instanceof Error ? error.message : String(error)));
  worker.on('exit', (code) => {
    lane.ended = true;
    lose(`exit code ${code}`);
  });
  return lane;
}

/** The lane's next answer. */
function answer(lane: Lane): Promise<LaneReply> {
  if (lane.dead) return Promise.reject(lane.dead);
  lane.worker.ref();
  return new Promise((resolve, reject) => (lane.waiting = { resolve, reject }));
}

async function run(lanes: readonly Lane[], task: LaneTask, parts: number): Promise<void> {
  const next = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
  const request: LaneRequest = { task, parts, next };
  const answers = lanes.slice(0, parts).map((lane) => {
    const answered = answer(lane);
    if (!lane.dead) lane.worker.postMessage(request);
    return answered;
  });
  await all(answers);
}

/** Waits for all answers before it throws, so that no lane still works when this is over. */
async function all(answers: Promise<LaneReply>[]): Promise<LaneReply[]> {
  await Promise.allSettled(answers);
  return Promise.all(answers);
}

/** Lets the threads end by themselves: to terminate one inside onnxruntime would abort the process. */
async function close(lanes: readonly Lane[]): Promise<void> {
  const living = lanes.filter((lane) => !lane.ended);
  await Promise.all(
    living.map(({ worker }) => {
      worker.ref();
      const ended = new Promise((resolve) => worker.once('exit', resolve));
      worker.postMessage(null);
      return ended;
    }),
  );
}

/** Node ends threads when the process exits, and one inside onnxruntime would then abort it: waits for a moment. */
function awaitIdle(busy: Int32Array): void {
  const patience = performance.now() + exitPatience;
  for (let count = Atomics.sub(busy, 0, stopLanes) - stopLanes; ; count = Atomics.load(busy, 0)) {
    const left = patience - performance.now();
    if (count === -stopLanes || left <= 0) return;
    Atomics.wait(busy, 0, count, left);
  }
}

function revive({ message, stack, sage }: LaneFault): Error {
  if (sage) return new SageError(sage.code, message, sage.remedy, { place: sage.place });
  return Object.assign(new Error(message), { stack });
}
