import { isMainThread, setEnvironmentData } from 'node:worker_threads';

/** Start and end in seconds of the system's monotonic clock, which all threads share. */
export type Interval = readonly [start: number, end: number];

/** Seconds on the clock that intervals are in. */
export function clock(): number {
  return Number(process.hrtime.bigint()) / 1e9;
}

/** CPU seconds of this thread so far. */
export function threadCpu(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1e6;
}

/** What a lane was doing in an interval. */
export const activities = ['model', 'decode'] as const;
export type Activity = (typeof activities)[number];

/** What the lanes have done inside onnxruntime's native `run` since it was read last. */
export interface LaneTimes {
  /** By lane: the intervals, in order of time. */
  lanes: Record<Activity, Interval[]>[];
  /** CPU seconds so far of the lanes inside `run`, and of all that the threads beside the main one have done. */
  runCpu: number;
  threadsCpu: number;
}

/** Name under which threads find the shared memory. */
export const environmentKey = 'sage-bench-times';
const mostLanes = 64;
/** Intervals that a lane keeps until they are read. */
const capacity = 4096;
const [countPlace, runCpuPlace, threadCpuPlace, header] = [0, 1, 2, 3];
/** Of an interval: activity, start, end. */
const fields = 3;
const width = header + capacity * fields;

/** Memory for times that threads started after this call write to; reads it. Threads need `instrument-lanes.ts`. */
export function shareTimes(): () => LaneTimes {
  // Number of lanes, then the lanes.
  const shared = new SharedArrayBuffer((1 + mostLanes * width) * Float64Array.BYTES_PER_ELEMENT);
  setEnvironmentData(environmentKey, shared);
  const read = new Array<number>(mostLanes).fill(0);
  return () => {
    const count = Atomics.load(new Int32Array(shared), 0);
    const all = Array.from({ length: count }, (_, lane) => laneValues(shared, lane));
    const sum = (place: number) => all.reduce((total, values) => total + values[place], 0);
    const lanes = all.map((values, lane) => {
      const written = values[countPlace];
      if (written - read[lane] > capacity) throw new Error('a lane has overwritten intervals that were not read');
      const found: Record<Activity, Interval[]> = { model: [], decode: [] };
      for (; read[lane] < written; read[lane]++) {
        const at = header + (read[lane] % capacity) * fields;
        found[activities[values[at]]].push([values[at + 1], values[at + 2]]);
      }
      return found;
    });
    return { lanes, runCpu: sum(runCpuPlace), threadsCpu: sum(threadCpuPlace) };
  };
}

/** This thread's place in the shared times; it is taken at the first run: threads that run no graph are no lanes. */
export function takeLane(shared: SharedArrayBuffer): (activity: Activity, interval: Interval, cpu: number) => void {
  const values = laneValues(shared, Atomics.add(new Int32Array(shared), 0, 1));
  return (activity, [start, end], cpu) => {
    const at = header + (values[countPlace] % capacity) * fields;
    values[at] = activities.indexOf(activity);
    values[at + 1] = start;
    values[at + 2] = end;
    values[runCpuPlace] += cpu;
    if (!isMainThread) values[threadCpuPlace] = threadCpu();
    values[countPlace] += 1;
  };
}

function laneValues(shared: SharedArrayBuffer, lane: number): Float64Array {
  return new Float64Array(shared, (1 + lane * width) * Float64Array.BYTES_PER_ELEMENT, width);
}

/** Seconds that at least one of the intervals covers. */
export function covered(intervals: readonly Interval[]): number {
  let [total, reached] = [0, -Infinity];
  for (const [start, end] of intervals.toSorted(([a], [b]) => a - b)) {
    total += Math.max(0, end - Math.max(start, reached));
    reached = Math.max(reached, end);
  }
  return total;
}
