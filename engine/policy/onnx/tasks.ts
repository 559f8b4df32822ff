import type { MessagePort } from 'node:worker_threads';
import type { ErrorCode } from '../../error-code.ts';
import type { NoiseKey } from '../../method/random.ts';
import type { KernelTable } from '../../method/kernels.ts';
import type { LossOptions, OptimStepRequest, Replay } from '../policy.ts';
import type { Control } from './control.ts';
import type { StepTrajectory } from './trajectories.ts';

/** One set of weights in shared memory; `version[0]` counts its changes, for threads that must copy it. */
export interface SharedSet {
  flat: Float32Array;
  version: Int32Array;
}

/** The three sets of weights of the dual trust region. */
export interface SharedWeights {
  current: SharedSet;
  /** Only read by tasks that name it: see `hasAnchor`. */
  anchor: SharedSet;
  reference: SharedSet;
}

/** Walks rows through the kernel table; part i is a run of rows. All arrays are shared and rows are in sample order. */
export interface SampleTask {
  kind: 'sample';
  weights: SharedWeights;
  keys: readonly NoiseKey[];
  words: BigInt64Array;
  table: KernelTable;
  guidance: number;
  trainGuidance: boolean;
  /** `[N*latentSize]` result: x_0. */
  latents: Float32Array;
  /** Result: what replay needs of the kept steps. */
  steps: readonly (StepTrajectory & { k: number })[];
}

/** Videos of `[N*latentSize]` latents; part i is a run of rows. */
export interface DecodeTask {
  kind: 'decode';
  rows: number;
  latents: Float32Array;
  pixels: Float32Array;
}

/** Loss and gradient of one step of some samples; part i is a run of them, with a gradient of its own. */
export interface ReplayTask {
  kind: 'replay';
  weights: SharedWeights;
  hasAnchor: boolean;
  guidance: number;
  words: BigInt64Array;
  step: StepTrajectory;
  request: Replay & LossOptions;
  /** Velocities `[M*latentSize]` of anchor and reference where the caller has them already; else lanes compute them. */
  velocities: { anchor: Float32Array; reference: Float32Array } | null;
  /** Results: `[M]` per output name. */
  perSample: Record<SampleOutput, Float32Array>;
  /** Results of part i from `sumsPerPart`·i on: loss, drift from the reference and from the anchor (numerator, denominator). */
  perPart: Float32Array;
  /** Results: the gradient of each part, flat in the layout of the weights. */
  gradients: readonly Float32Array[];
}

export const sampleOutputs = ['ratio', 'policy_loss', 'clipped', 'approx_kl', 'kl_anchor', 'kl_step'] as const;
/** Loss, and numerator and denominator of both drifts. */
export const sumsPerPart = 5;
export type SampleOutput = (typeof sampleOutputs)[number];

/** Adds the parts' gradients up in their order and onto the update's sum; part i is a block of the parameters. */
export interface SumTask {
  kind: 'sum';
  gradients: readonly Float32Array[];
  sum: Float32Array;
  /** Whether `sum` holds nothing of this update yet. */
  first: boolean;
  scale: number;
  /** Results by block: squares of the unscaled gradient, and of `sum` after the addition. */
  newestSquares: Float64Array;
  sumSquares: Float64Array;
}

/** One AdamW step; part i is a block of the parameters. */
export interface AdamWTask {
  kind: 'adamw';
  request: OptimStepRequest;
  /** Count of this step, from 1. */
  step: number;
  gradientNorm: number;
  parameters: Float32Array;
  gradient: Float32Array;
  firstMoment: Float32Array;
  secondMoment: Float32Array;
  /** Result by block: squares of the change. */
  squares: Float64Array;
}

export type LaneTask = SampleTask | DecodeTask | ReplayTask | SumTask | AdamWTask;

/** What a lane is started with. */
export interface LaneData {
  graphsFolder: string;
  control: Control;
  /** Its place in `control`. */
  lane: number;
  port: MessagePort;
}

/** What a lane is asked: to take parts of the task until all `parts` are taken. */
export interface LaneRequest {
  task: LaneTask;
  parts: number;
}

/** An error as it crosses threads; `sage` when it is one for the user. */
export interface LaneFault {
  message: string;
  stack?: string;
  sage: { code: ErrorCode; remedy: string; place: object } | null;
}

/** What a lane sends: an error when there is one, and `done` to a calling thread that sleeps. */
export type LaneReply = { kind: 'done' } | { kind: 'fault'; fault: LaneFault };

/** Names and shapes of the parameters, in the order of the flat buffers. */
export interface ParameterLayout {
  names: readonly string[];
  shapes: readonly (readonly number[])[];
}

/** Rows of a part: small enough that few samples already feed several lanes, large enough to be efficient. */
export const partRows = 16;

/** Number of parts for `rows` rows. It does not depend on the number of lanes, so neither do the results. */
export function partCount(rows: number, most = Infinity): number {
  return Math.max(1, Math.min(most, Math.ceil(rows / partRows)));
}

/** Bounds of part `index` of `parts` nearly equal ones of `total`. */
export function partBounds(total: number, parts: number, index: number): { first: number; last: number } {
  return { first: Math.floor((total * index) / parts), last: Math.floor((total * (index + 1)) / parts) };
}

/** Zeros in memory that every thread sees. Lanes keep every array that a task brings: use it again. */
export function sharedFloats(length: number): Float32Array {
  return new Float32Array(new SharedArrayBuffer(length * Float32Array.BYTES_PER_ELEMENT));
}

/** The same for sums. */
export function sharedDoubles(length: number): Float64Array {
  return new Float64Array(new SharedArrayBuffer(length * Float64Array.BYTES_PER_ELEMENT));
}
