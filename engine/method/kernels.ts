import { MethodError, requireInRange, type Range } from './errors.ts';
import { requireStepsWithinSigmaMax, sigmaMaxRange, sigmaSchedule } from './schedule.ts';
import { preciseVariance } from './variance.ts';

export { preciseVariance } from './variance.ts';

export type KernelName = 'sage' | 'flow_grpo' | 'dance_grpo' | 'cps' | 'ode';

/** Every exploration kernel, in the order of method.md. */
export const kernelNames: readonly KernelName[] = ['sage', 'flow_grpo', 'dance_grpo', 'cps', 'ode'];

/** One sampling step `x_{k+1} = a·x_k + b·v + s·z`, `z ~ N(0, I)`. */
export interface KernelStep {
  a: number;
  b: number;
  s: number;
  /** σ_k, the noise level the velocity is evaluated at. */
  sigma: number;
  /** σ_{k+1}. */
  sigmaNext: number;
  /** Noise is injected (s > 0) and the step may be trained. */
  explored: boolean;
}

/** All that distinguishes one exploration method from another at sampling time. Plain JSON. */
export interface KernelTable {
  kernel: KernelName;
  eta: number;
  sigmaMax: number;
  /** `[T+1]` */
  sigmas: number[];
  /** `[T]` */
  steps: KernelStep[];
  /** The table was built with both ends of the variance integral clamped; absent means it was not. */
  clampBothEnds?: boolean;
}

export interface KernelOptions {
  kernel: KernelName;
  /** T */
  steps: number;
  shift: number;
  /** Exploration strength; `cps` reads it as an angle in units of π/2 and takes (0, 1]. `ode` ignores it. */
  eta: number;
  /** Default 0.997. */
  sigmaMax?: number;
  /** `ode` (default) draws no noise at the last step, `noise` is the released code's behaviour. */
  lastStep?: 'ode' | 'noise';
  /** Inclusive step indices; outside them steps are `ode`. Absent or null: every step. */
  window?: { first: number; last: number } | null;
  /** Allow schedules with steps wholly above σ_max and draw no noise there. Default false. Only `sage` is affected. */
  clampBothEnds?: boolean;
}

// Below the minimum η² would approach underflow; the maximum only stops nonsense.
const etaRange: Range = { minimum: 1e-9, maximum: 100, usual: 0.5 };
const cpsEtaRange: Range = { ...etaRange, maximum: 1 };
const odeEtaRange: Range = { ...etaRange, minimum: 0, usual: 0 };

/**
 * The table of `(a, b, s)` of a run (method.md, "Exploration kernels: every one is linear in x and v").
 * The last step (unless `lastStep` is `noise`) and every step outside the window take the `ode` row and are not explored.
 *
 * @throws MethodError on an unknown kernel, a value outside its range, a window outside the schedule, or, for `sage`
 *   without `clampBothEnds`, a schedule whose first step ends above σ_max
 */
export function kernelTable(options: KernelOptions): KernelTable {
  const { kernel, steps, shift, eta, sigmaMax = 0.997, lastStep = 'ode', clampBothEnds = false } = options;
  requireKernel(kernel);
  requireEta(kernel, eta);
  requireInRange('exploration.sigma_max', sigmaMax, sigmaMaxRange);
  if (kernel === 'sage' && !clampBothEnds) requireStepsWithinSigmaMax(steps, shift, sigmaMax);
  const sigmas = sigmaSchedule(steps, shift);
  const window = options.window ?? { first: 0, last: steps - 1 };
  requireWindow(window, steps);
  const lastNoisy = lastStep === 'noise' ? steps - 1 : steps - 2;
  const rows = Array.from({ length: steps }, (_, k): KernelStep => {
    const mayExplore = k >= window.first && k <= window.last && k <= lastNoisy;
    const { a, b, s } = mayExplore ? kernelRow(options, sigmas, k) : odeRow(sigmas, k);
    return { a, b, s, sigma: sigmas[k], sigmaNext: sigmas[k + 1], explored: mayExplore && s > 0 };
  });
  return { kernel, eta, sigmaMax, sigmas, steps: rows, clampBothEnds };
}

type Row = Pick<KernelStep, 'a' | 'b' | 's'>;

function odeRow(sigmas: number[], k: number): Row {
  return { a: 1, b: -(sigmas[k] - sigmas[k + 1]), s: 0 };
}

function kernelRow(options: KernelOptions, sigmas: number[], k: number): Row {
  const { kernel, eta, sigmaMax = 0.997, clampBothEnds = false } = options;
  const sigma = sigmas[k];
  const sigmaNext = sigmas[k + 1];
  const delta = sigma - sigmaNext;
  switch (kernel) {
    case 'sage':
      return gaussianRow(sigma, delta, preciseVariance(sigma, sigmaNext, eta, sigmaMax, clampBothEnds));
    case 'flow_grpo':
      // σ/(1−σ) diverges at σ = 1: the denominator uses σ_1 there.
      return gaussianRow(sigma, delta, (eta * eta * sigma * delta) / (1 - (sigma === 1 ? sigmas[1] : sigma)));
    case 'dance_grpo':
      return gaussianRow(sigma, delta, eta * eta * delta);
    case 'cps':
      return cpsRow(sigma, sigmaNext, eta);
    case 'ode':
      return odeRow(sigmas, k);
  }
}

/**
 * The step whose noise has this variance: `a = 1 − V/(2σ)`, `b = −Δ − V(1−σ)/(2σ)`, `s = √V`. The drift added to the
 * ODE is V/2 times the score `−(x + (1−σ)v)/σ`, so sage, flow_grpo and dance_grpo differ in V alone.
 */
function gaussianRow(sigma: number, delta: number, variance: number): Row {
  const half = variance / (2 * sigma);
  return { a: 1 - half, b: -delta - half * (1 - sigma), s: Math.sqrt(variance) };
}

function cpsRow(sigma: number, sigmaNext: number, eta: number): Row {
  const angle = (eta * Math.PI) / 2;
  const kept = sigmaNext * Math.cos(angle);
  return {
    a: 1 - sigmaNext + kept,
    b: -sigma * (1 - sigmaNext) + (1 - sigma) * kept,
    s: sigmaNext * Math.sin(angle),
  };
}

/** Indices of the steps that draw noise and may be trained, ascending. */
export function exploredSteps(table: KernelTable): number[] {
  return table.steps.flatMap((step, k) => (step.explored ? [k] : []));
}

/**
 * Excess exploration energy `s_k² / Σ_k` (method.md, "SAGE's precise variance"): 1 for `sage`, above 1 where a kernel
 * injects more noise than the true SDE would over the step.
 *
 * @returns `[T]`, null where the step is not explored or Σ_k is not positive
 */
export function excessEnergy(table: KernelTable): (number | null)[] {
  return table.steps.map(({ s, sigma, sigmaNext, explored }) => {
    const variance = preciseVariance(sigma, sigmaNext, table.eta, table.sigmaMax, table.clampBothEnds);
    return explored && variance > 0 ? (s * s) / variance : null;
  });
}

function requireKernel(kernel: unknown): void {
  if (kernelNames.some((name) => name === kernel)) return;
  throw new MethodError({
    code: 'unknown-kernel',
    key: 'exploration.kernel',
    value: kernel,
    nearest: 'sage',
    reason: `the kernels are ${kernelNames.join(', ')}`,
  });
}

function requireEta(kernel: KernelName, eta: number): void {
  const range = kernel === 'cps' ? cpsEtaRange : kernel === 'ode' ? odeEtaRange : etaRange;
  requireInRange('exploration.eta', eta, range);
}

function requireWindow(window: { first: number; last: number }, steps: number): void {
  const { first, last } = window;
  if (Number.isInteger(first) && Number.isInteger(last) && first >= 0 && first <= last && last < steps) return;
  const clamp = (index: number, usual: number): number =>
    Number.isNaN(index) ? usual : Math.min(Math.max(Math.round(index), 0), steps - 1);
  const nearestFirst = clamp(first, 0);
  throw new MethodError({
    code: 'window-outside-schedule',
    key: 'exploration.window',
    value: window,
    nearest: { first: nearestFirst, last: Math.max(clamp(last, steps - 1), nearestFirst) },
    reason: `its ends must be whole step indices with 0 <= first <= last <= ${steps - 1}, the last step`,
  });
}
