/**
 * Clipped surrogate of one sample before the equalizer (method.md, "Loss at (sample i, step k)"):
 * `max(−A·r, −A·clip(r, 1−c, 1+c))`.
 *
 * @param ratio `r = exp(ℓ_θ − ℓ_old)`
 * @param clip `c`; tiny, because ℓ is a mean over the latent's elements
 * @returns the loss, and whether the clipped branch was the larger, so that no gradient flows
 */
export function clippedSurrogate(ratio: number, advantage: number, clip: number): { loss: number; clipped: boolean } {
  const free = -advantage * ratio;
  const bounded = -advantage * Math.min(Math.max(ratio, 1 - clip), 1 + clip);
  return { loss: Math.max(free, bounded), clipped: bounded > free };
}

/**
 * Stepwise KL of one sample between the policy that sampled and the current one (method.md, `KL_step`).
 * `k1`: `ℓ_old − ℓ_θ` (released code). `k3`: `exp(d) − 1 − d`, `d = ℓ_θ − ℓ_old`: never negative, lower variance.
 */
export function klStep(logProbOld: number, logProb: number, estimator: 'k1' | 'k3'): number {
  return estimator === 'k1' ? logProbOld - logProb : expMinusLine(logProb - logProbOld);
}

/** `exp(d) − 1 − d`, by its series where the difference would cancel (d is tiny within a clip range of 1e-4). */
function expMinusLine(d: number): number {
  if (Math.abs(d) > 0.01) return Math.expm1(d) - d;
  return ((d * d) / 2) * (1 + (d / 3) * (1 + (d / 4) * (1 + (d / 5) * (1 + (d / 6) * (1 + (d / 7) * (1 + d / 8))))));
}

/** `1 / (2(s_k² + 1e-6))`: what turns mean[(μ_θ − μ_anchor)²] into `KL_anchor` (method.md, "Dual trust region"). */
export function klAnchorScale(s: number): number {
  return 1 / (2 * (s * s + 1e-6));
}
