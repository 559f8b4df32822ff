import type { OptimStepRequest, OptimStepResult } from '../policy.ts';
import { normOf, parameterBlocks } from './gradient.ts';
import type { Lanes } from './lanes.ts';
import { partBounds, sharedDoubles, sharedFloats, type AdamWTask } from './tasks.ts';

/** Moments and step count of AdamW over one flat parameter buffer. */
export interface AdamWState {
  step: number;
  firstMoment: Float32Array;
  secondMoment: Float32Array;
  /** By block: squares of the newest change. */
  squares: Float64Array;
}

/** Fresh AdamW state for `size` parameters, in shared memory. */
export function createAdamW(size: number): AdamWState {
  const squares = sharedDoubles(parameterBlocks);
  return { step: 0, firstMoment: sharedFloats(size), secondMoment: sharedFloats(size), squares };
}

/**
 * One AdamW step (Loshchilov & Hutter 2019, decoupled weight decay; the order of operations of torch.optim.AdamW) with
 * gradient-norm clipping, in place. A gradient that is not finite skips the step and leaves everything as it was.
 */
export async function stepAdamW(
  lanes: Lanes,
  state: AdamWState,
  parameters: Float32Array,
  { gradient, gradientNorm }: { gradient: Float32Array; gradientNorm: number },
  request: OptimStepRequest,
): Promise<OptimStepResult> {
  if (!Number.isFinite(gradientNorm)) return { gradientNorm, updateNorm: 0, skipped: true };
  state.step += 1;
  const { step, firstMoment, secondMoment, squares } = state;
  const buffers = { parameters, gradient, firstMoment, secondMoment, squares };
  await lanes.run({ kind: 'adamw', request, step, gradientNorm, ...buffers }, parameterBlocks);
  return { gradientNorm, updateNorm: normOf(squares), skipped: false };
}

/** The step on one block of the parameters. */
export function stepAdamWBlock(task: AdamWTask, blocks: number, block: number): void {
  const { first, last } = partBounds(task.parameters.length, blocks, block);
  const { learningRate, weightDecay, beta1, beta2, epsilon, maxGradientNorm } = task.request;
  const { parameters, gradient, firstMoment, secondMoment } = task;
  const clip = Math.min(1, maxGradientNorm / (task.gradientNorm + 1e-6));
  const stepSize = learningRate / (1 - beta1 ** task.step);
  const inverse2 = 1 / Math.sqrt(1 - beta2 ** task.step);
  const keep = 1 - learningRate * weightDecay;
  const share1 = (1 - beta1) * clip;
  const share2 = (1 - beta2) * clip * clip;
  let squares = 0;
  for (let i = first; i < last; i++) {
    const g = gradient[i];
    const m = beta1 * firstMoment[i] + share1 * g;
    const v = beta2 * secondMoment[i] + share2 * g * g;
    firstMoment[i] = m;
    secondMoment[i] = v;
    const old = parameters[i];
    const next = Math.fround(old * keep - (stepSize * m) / (Math.sqrt(v) * inverse2 + epsilon));
    parameters[i] = next;
    squares += (next - old) * (next - old);
  }
  task.squares[block] = squares;
}
