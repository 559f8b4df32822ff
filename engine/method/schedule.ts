import { MethodError, nearestIn, requireInRange, type Range } from './errors.ts';
import { preciseVariance } from './variance.ts';

/** Accepted T. The upper end only keeps a mistyped number from filling the memory. */
export const stepsRange: Range = { minimum: 1, maximum: 10_000, usual: 10, whole: true };
/** Accepted shift; any s > 0 is mathematically fine, the ends only stop mistyped numbers. */
export const shiftRange: Range = { minimum: 0.001, maximum: 1000, usual: 3 };
/** Accepted σ_max. Below 1 − 1/e even a single step from σ = 1 to 0 has no positive precise variance. */
export const sigmaMaxRange: Range = { minimum: 0.64, maximum: 0.999999, usual: 0.997 };

/**
 * Noise levels of a sampling schedule: `u = linspace(1, 0, T+1)`, `σ = s·u / (1 + (s−1)·u)` (method.md, Notation).
 * σ_0 is exactly 1 and σ_T exactly 0.
 *
 * @param steps T, whole, at least 1
 * @param shift s > 0; 1 is the uniform schedule, larger values stay longer at high noise
 * @returns `[T+1]` strictly decreasing
 * @throws MethodError on a T or shift outside `stepsRange` and `shiftRange`
 */
export function sigmaSchedule(steps: number, shift: number): number[] {
  requireInRange('sampling.steps', steps, stepsRange);
  requireInRange('sampling.shift', shift, shiftRange);
  return Array.from({ length: steps + 1 }, (_, k) => sigmaAt(k, steps, shift));
}

function sigmaAt(k: number, steps: number, shift: number): number {
  // At u = 1 the quotient may round to either side of 1.
  if (k === 0) return 1;
  const u = 1 - k / steps;
  return (shift * u) / (1 + (shift - 1) * u);
}

/**
 * Largest T for which SAGE's precise variance is positive at every step (method.md, "SAGE's precise variance").
 * Only the first step can fail: it needs σ_1 < σ_max and, a hair stricter, `log((1−σ_1)/(1−σ_max)) > 1 − σ_1`.
 * 67 at shift 5, 48 at 7, 37 at 9 with σ_max 0.997.
 *
 * @throws MethodError on a shift or σ_max outside `shiftRange` and `sigmaMaxRange`
 */
export function maxSteps(shift: number, sigmaMax: number): number {
  requireInRange('sampling.shift', shift, shiftRange);
  requireInRange('exploration.sigma_max', sigmaMax, sigmaMaxRange);
  const isValid = (steps: number): boolean => {
    const sigma1 = sigmaAt(1, steps, shift);
    return sigma1 < sigmaMax && preciseVariance(1, sigma1, 1, sigmaMax) > 0;
  };
  // 1 − σ_1 = 1/(s(T−1)+1), and Σ_0 falls as T grows: bisect below the T at which σ_1 reaches σ_max.
  let valid = 1;
  let invalid = Math.ceil(2 + (1 / (1 - sigmaMax) - 1) / shift);
  while (invalid - valid > 1) {
    const middle = Math.floor((valid + invalid) / 2);
    if (isValid(middle)) valid = middle;
    else invalid = middle;
  }
  return valid;
}

/**
 * Throws unless every step of the schedule has a positive precise variance.
 * @throws MethodError naming T, the largest valid T, and the exact fix (clamp both ends)
 */
export function requireStepsWithinSigmaMax(steps: number, shift: number, sigmaMax: number): void {
  const largest = maxSteps(shift, sigmaMax);
  if (Number.isInteger(steps) && steps >= stepsRange.minimum && steps <= largest) return;
  if (!(steps > largest)) return requireInRange('sampling.steps', steps, { ...stepsRange, maximum: largest });
  throw new MethodError({
    code: 'steps-too-many',
    key: 'sampling.steps',
    value: steps,
    nearest: nearestIn({ ...stepsRange, maximum: Math.min(largest, stepsRange.maximum) }, steps),
    reason:
      `with shift ${shift} and sigma_max ${sigmaMax} the first step would end so close to sigma_max, or above it, ` +
      `that its precise variance is not positive; the largest valid number of steps is ${largest}`,
    alternatives: ['set exploration.clamp_both_ends: true, which drops the noise of steps wholly above sigma_max'],
  });
}
