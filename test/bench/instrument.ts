import { setEnvironmentData } from 'node:worker_threads';

/** Seconds and seconds of this thread's CPU time. */
export interface Elapsed {
  wall: number;
  cpu: number;
}

/** Starts a stopwatch; call the result to read it. */
export function stopwatch(): () => Elapsed {
  const wall = performance.now();
  const cpu = process.threadCpuUsage();
  return () => {
    const { user, system } = process.threadCpuUsage(cpu);
    return { wall: (performance.now() - wall) / 1000, cpu: (user + system) / 1e6 };
  };
}

export function add(sum: Elapsed, part: Elapsed): void {
  sum.wall += part.wall;
  sum.cpu += part.cpu;
}

/** What the lanes spent inside onnxruntime's native `run`, added up over the lanes, and all of their threads' CPU time. */
export interface LaneTimes {
  model: Elapsed;
  decode: Elapsed;
  cpu: number;
}

/** Name under which threads find the shared memory. */
export const environmentKey = 'sage-bench-times';
const mostLanes = 64;
/** Number of lanes, then for each: model wall, cpu, decode wall, cpu, CPU time of the thread. */
const width = 5;

/** Memory for times that threads started after this call write to; reads it. Threads need `instrument-lanes.ts`. */
export function shareTimes(): () => LaneTimes {
  const shared = new SharedArrayBuffer((1 + mostLanes * width) * Float64Array.BYTES_PER_ELEMENT);
  setEnvironmentData(environmentKey, shared);
  return () => {
    const values = new Float64Array(shared, Float64Array.BYTES_PER_ELEMENT);
    const total = (place: number) => values.reduce((sum, value, i) => (i % width === place ? sum + value : sum), 0);
    const elapsed = (place: number) => ({ wall: total(place), cpu: total(place + 1) });
    return { model: elapsed(0), decode: elapsed(2), cpu: total(4) };
  };
}

/** This thread's place in the shared times. */
export function laneSlot(shared: SharedArrayBuffer): { add(part: 'model' | 'decode', elapsed: Elapsed): void } {
  let values: Float64Array | null = null;
  // Taken at the first run: threads that run no graph are no lanes.
  const take = () => {
    const index = Atomics.add(new Int32Array(shared), 0, 1);
    return new Float64Array(shared, (1 + index * width) * Float64Array.BYTES_PER_ELEMENT, width);
  };
  return {
    add(part, { wall, cpu }) {
      values ??= take();
      const place = part === 'model' ? 0 : 2;
      values[place] += wall;
      values[place + 1] += cpu;
      const { user, system } = process.threadCpuUsage();
      values[4] = (user + system) / 1e6;
    },
  };
}
