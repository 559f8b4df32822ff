import { MethodError } from './errors.ts';
import { exploredSteps, type KernelStep, type KernelTable } from './kernels.ts';

const halfLogTwoPi = 0.5 * Math.log(2 * Math.PI);

/**
 * The log-probability of step k as a line in the mean square of its noise (method.md, "Log-probability"):
 * `ℓ_k = −scale · mean((x_{k+1} − μ_k)²) + offset`, averaged, not summed, over the latent's elements.
 * Gaussian kernels: `scale = 1/(2s_k²)`, `offset = −log s_k − ½ log 2π`. `cps` drops both: scale 1, offset 0.
 *
 * @throws MethodError where step k of a Gaussian kernel draws no noise, or does not exist
 */
export function logProbCoefficients(table: KernelTable, k: number): { scale: number; offset: number } {
  const step = table.steps[k];
  if (step !== undefined && table.kernel === 'cps') return { scale: 1, offset: 0 };
  if (step !== undefined && step.s > 0) {
    return { scale: 1 / (2 * step.s * step.s), offset: -Math.log(step.s) - halfLogTwoPi };
  }
  const explored = exploredSteps(table);
  const nearest = explored.reduce<number | null>(
    (best, j) => (best === null || Math.abs(j - k) < Math.abs(best - k) ? j : best),
    null,
  );
  throw new MethodError({
    code: 'step-not-explored',
    key: 'exploration.window',
    value: k,
    nearest,
    reason: 'this step draws no noise, so it has no log-probability',
  });
}

/**
 * ℓ_k from the mean square residual (method.md, "Log-probability").
 * @param mse `mean((x_{k+1} − μ_k)²)` over the latent's elements
 * @throws MethodError where the step has no log-probability
 */
export function logProb(table: KernelTable, k: number, mse: number): number {
  const { scale, offset } = logProbCoefficients(table, k);
  return offset - scale * mse;
}

/**
 * `N_k = |b_k| / s_k`: the gradient of ℓ_k with respect to the network's output is `N_k·z/n` for a Gaussian kernel
 * (method.md, "Gradient-norm equalizer"). `cps` uses the same expression, as the reference vectors do, though its ℓ
 * lacks the factor `1/(2s_k²)` and its gradient is `2s_k²·N_k·z/n`.
 *
 * @returns null where the step draws no noise
 */
export function outputGradientNorm(step: KernelStep): number | null {
  return step.s > 0 ? Math.abs(step.b) / step.s : null;
}
