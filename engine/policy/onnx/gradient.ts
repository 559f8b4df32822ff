import type { Lanes } from './lanes.ts';
import {
  partBounds,
  sampleOutputs,
  sharedDoubles,
  sharedFloats,
  sumsPerPart,
  type ReplayTask,
  type SampleOutput,
  type SumTask,
} from './tasks.ts';

/** Blocks in which lanes sum gradients and step the optimizer. It decides the rounding of norms, so it is a constant. */
export const parameterBlocks = 16;

/** The gradients of a replay's parts and the sum of an update's micro-batches; no replay allocates a gradient. */
export interface GradientBuffers {
  parts: Float32Array[];
  sum: Float32Array;
  /** By block: squares of `sum`. */
  squares: Float64Array;
  newestSquares: Float64Array;
  /** By number of samples: the other results of a replay. */
  results: Map<number, Pick<ReplayTask, 'perSample' | 'perPart'>>;
  /** Whether `sum` holds nothing of this update yet. */
  empty: boolean;
}

/** Empty buffers for gradients of `size` values. */
export function createGradientBuffers(size: number): GradientBuffers {
  const squares = () => sharedDoubles(parameterBlocks);
  return {
    parts: [],
    sum: sharedFloats(size),
    squares: squares(),
    newestSquares: squares(),
    results: new Map(),
    empty: true,
  };
}

/** Shared memory for the gradients of `count` parts. */
export function partGradients(buffers: GradientBuffers, count: number): Float32Array[] {
  while (buffers.parts.length < count) buffers.parts.push(sharedFloats(buffers.sum.length));
  return buffers.parts.slice(0, count);
}

/** Shared memory for the other results of a replay. */
export function replayResults(
  { results }: GradientBuffers,
  samples: number,
  parts: number,
): Pick<ReplayTask, 'perSample' | 'perPart'> {
  const make = () => ({
    perSample: Object.fromEntries(sampleOutputs.map((name) => [name, sharedFloats(samples)])) as Record<
      SampleOutput,
      Float32Array
    >,
    perPart: sharedFloats(parts * sumsPerPart),
  });
  const found = results.get(samples) ?? make();
  results.set(samples, found);
  return found;
}

/** Adds `scale` times the sum of the parts' gradients to the update's. @returns the norm of the unscaled sum */
export async function accumulate(
  lanes: Lanes,
  buffers: GradientBuffers,
  gradients: readonly Float32Array[],
  scale: number,
): Promise<number> {
  const { sum, newestSquares, squares, empty: first } = buffers;
  const task: SumTask = { kind: 'sum', gradients, sum, first, scale, newestSquares, sumSquares: squares };
  await lanes.run(task, parameterBlocks);
  buffers.empty = false;
  return normOf(newestSquares);
}

/** Takes the sum of an update's gradients with its norm and begins the next. It is valid until the next replay. */
export function takeGradient(buffers: GradientBuffers): { gradient: Float32Array; gradientNorm: number } {
  if (buffers.empty) {
    buffers.sum.fill(0);
    buffers.squares.fill(0);
  }
  buffers.empty = true;
  return { gradient: buffers.sum, gradientNorm: normOf(buffers.squares) };
}

/** The norm of what the blocks hold the squares of. */
export function normOf(squares: Float64Array): number {
  return Math.sqrt(squares.reduce((total, value) => total + value, 0));
}

/** Zeros of this thread, in the place of parts that there are not. */
let none = new Float32Array(0);

/** Sums one block of the parts' gradients in the order of the parts. */
export function addGradientBlock(task: SumTask, blocks: number, block: number): void {
  const { first, last } = partBounds(task.sum.length, blocks, block);
  const sum = task.sum.subarray(first, last);
  let rest = task.gradients.map((gradient) => gradient.subarray(first, last));
  // The usual case, one micro-batch an update, needs no second pass over memory.
  const newest = task.first && task.scale === 1 ? sum : rest[0];
  if (none.length < sum.length) none = new Float32Array(sum.length);
  const zeros = none.subarray(0, sum.length);
  do {
    const [a, b = zeros, c, d = zeros, ...others] = rest;
    task.newestSquares[block] = c ? addFour(newest, a, b, c, d) : addTwo(newest, a, b);
    rest = [newest, ...others];
  } while (rest.length > 1);
  task.sumSquares[block] = newest === sum ? task.newestSquares[block] : addScaled(sum, newest, task.scale, task.first);
}

/** `to = a + b`. @returns the sum of squares, as `addFour` */
function addTwo(to: Float32Array, a: Float32Array, b: Float32Array): number {
  let [squares0, squares1] = [0, 0];
  const even = to.length - (to.length % 2);
  for (let i = 0; i < even; i += 2) {
    const sum0 = a[i] + b[i];
    const sum1 = a[i + 1] + b[i + 1];
    to[i] = sum0;
    to[i + 1] = sum1;
    squares0 += sum0 * sum0;
    squares1 += sum1 * sum1;
  }
  if (even < to.length) {
    to[even] = a[even] + b[even];
    squares0 += to[even] * to[even];
  }
  return squares0 + squares1;
}

/** `to = a + b + c + d`. @returns the sum of squares, in float64 by two sums, so that additions need not wait */
function addFour(to: Float32Array, a: Float32Array, b: Float32Array, c: Float32Array, d: Float32Array): number {
  let [squares0, squares1] = [0, 0];
  const even = to.length - (to.length % 2);
  for (let i = 0; i < even; i += 2) {
    const sum0 = a[i] + b[i] + (c[i] + d[i]);
    const sum1 = a[i + 1] + b[i + 1] + (c[i + 1] + d[i + 1]);
    to[i] = sum0;
    to[i + 1] = sum1;
    squares0 += sum0 * sum0;
    squares1 += sum1 * sum1;
  }
  if (even < to.length) {
    to[even] = a[even] + b[even] + (c[even] + d[even]);
    squares0 += to[even] * to[even];
  }
  return squares0 + squares1;
}

/** Adds `scale` times `from`, after forgetting the old values where `first`. @returns the sum of squares */
function addScaled(to: Float32Array, from: Float32Array, scale: number, first: boolean): number {
  let squares = 0;
  for (let i = 0; i < to.length; i++) {
    const value = (first ? 0 : to[i]) + scale * from[i];
    to[i] = value;
    squares += value * value;
  }
  return squares;
}
