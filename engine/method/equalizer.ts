import { MethodError, requireInRange } from './errors.ts';
import type { KernelTable } from './kernels.ts';
import { outputGradientNorm } from './logprob.ts';

/**
 * Gradient-norm equalizer (method.md): `e_k = median_j(N_j) / N_k` over the explored steps, so that every step's policy
 * gradient has the norm of the median step. It multiplies the policy loss only.
 *
 * @returns `[T]`, null where the step is not explored
 */
export function analyticEqualizer(table: KernelTable): (number | null)[] {
  return equalize(table.steps.map((step) => (step.explored ? outputGradientNorm(step) : null)));
}

function equalize(norms_T: (number | null)[]): (number | null)[] {
  const target = median(norms_T.filter((norm) => norm !== null));
  return norms_T.map((norm) => (norm === null ? null : target / norm));
}

/** Mean of the two middle values where the count is even. */
function median(values: number[]): number {
  const sorted = values.toSorted((first, second) => first - second);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** Moving averages of each step's measured parameter-gradient norm. Plain JSON. */
export interface MeasuredEqualizerState {
  decay: number;
  /** Observations a step needs before its average counts. */
  warmup: number;
  /** `[T]` average norm, null before the first observation. */
  norms: (number | null)[];
  /** `[T]` observations so far. */
  counts: number[];
}

/**
 * A measured equalizer that has seen nothing (method.md, "Beyond the paper: `equalizer: measured`").
 * @param steps T
 * @throws MethodError on a decay outside [0, 1) or a warmup that is not a whole number of at least 1
 */
export function createMeasuredEqualizer(steps: number, decay = 0.9, warmup = 5): MeasuredEqualizerState {
  requireInRange('equalizer.decay', decay, { minimum: 0, maximum: 0.999999, usual: 0.9 });
  requireInRange('equalizer.warmup', warmup, { minimum: 1, maximum: 1_000_000, usual: 5, whole: true });
  return { decay, warmup, norms: new Array<null>(steps).fill(null), counts: new Array<number>(steps).fill(0) };
}

/**
 * Folds one measured norm into step k's exponential moving average, which starts as the plain mean so that early values
 * are not biased towards the first. Norms that are zero (dead groups) or not finite say nothing about the step: skipped.
 *
 * @param rawNorm norm of the parameter gradient before equalization
 * @returns a new state
 */
export function updateMeasuredEqualizer(
  state: MeasuredEqualizerState,
  k: number,
  rawNorm: number,
): MeasuredEqualizerState {
  if (!(k in state.counts)) {
    const last = state.counts.length - 1;
    throw new MethodError({
      code: 'step-outside-schedule',
      key: 'sampling.steps',
      value: k,
      nearest: Math.min(Math.max(Math.round(k) || 0, 0), last),
      reason: `the steps of this equalizer are 0 to ${last}`,
    });
  }
  if (!Number.isFinite(rawNorm) || rawNorm <= 0) return state;
  const count = state.counts[k] + 1;
  const share = Math.max(1 - state.decay, 1 / count);
  const average = state.norms[k] ?? 0;
  return {
    ...state,
    norms: state.norms.with(k, average + share * (rawNorm - average)),
    counts: state.counts.with(k, count),
  };
}

/**
 * The analytic equalizer with measured norms in place of N_k once every explored step is warm; until then the analytic
 * one, because the two scales do not mix.
 *
 * @returns `[T]`, null where the step is not explored
 */
export function measuredEqualizer(state: MeasuredEqualizerState, table: KernelTable): (number | null)[] {
  const isWarm = table.steps.every((step, k) => !step.explored || state.counts[k] >= state.warmup);
  if (!isWarm) return analyticEqualizer(table);
  return equalize(table.steps.map((step, k) => (step.explored ? state.norms[k] : null)));
}
