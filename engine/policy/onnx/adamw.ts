import type { OptimStepRequest, OptimStepResult } from '../policy.ts';
import { norm } from './parameters.ts';

/** Moments and step count of AdamW over one flat parameter buffer. */
export interface AdamWState {
  step: number;
  firstMoment: Float32Array;
  secondMoment: Float32Array;
}

/** Fresh AdamW state for `size` parameters. */
export function createAdamW(size: number): AdamWState {
  return { step: 0, firstMoment: new Float32Array(size), secondMoment: new Float32Array(size) };
}

/**
 * One AdamW step (Loshchilov & Hutter 2019, decoupled weight decay; the order of operations of torch.optim.AdamW) with
 * gradient-norm clipping, in place. A gradient that is not finite skips the step and leaves everything as it was.
 */
export function stepAdamW(
  state: AdamWState,
  parameters: Float32Array,
  gradient: Float32Array,
  request: OptimStepRequest,
): OptimStepResult {
  const gradientNorm = norm(gradient);
  if (!Number.isFinite(gradientNorm)) return { gradientNorm, updateNorm: 0, skipped: true };
  const { learningRate, weightDecay, beta1, beta2, epsilon, maxGradientNorm } = request;
  const clip = Math.min(1, maxGradientNorm / (gradientNorm + 1e-6));
  const { firstMoment, secondMoment } = state;
  state.step += 1;
  const stepSize = learningRate / (1 - beta1 ** state.step);
  const inverse2 = 1 / Math.sqrt(1 - beta2 ** state.step);
  const keep = 1 - learningRate * weightDecay;
  const share1 = (1 - beta1) * clip;
  const share2 = (1 - beta2) * clip * clip;
  let squares = 0;
  for (let i = 0; i < parameters.length; i++) {
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
  return { gradientNorm, updateNorm: Math.sqrt(squares), skipped: false };
}
