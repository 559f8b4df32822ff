/** Below this σ the closed form would lose more than two of its sixteen digits. */
const smallSigma = 0.01;

/**
 * SAGE's precise variance of one step (method.md, "SAGE's precise variance"):
 * `Σ_k = ∫ η²σ/(1−σ) dσ = η²[ −Δ_k + log((1−σ_{k+1}) / (1−σ̄_k)) ]`, `σ̄_k = min(σ_k, σ_max)`.
 *
 * With `clampBothEnds` both limits of the integral are held at σ_max, so a step wholly above it has variance 0.
 * Steps that start at or below σ_max are the same either way.
 *
 * @param sigma σ_k, above `sigmaNext`
 * @param sigmaNext σ_{k+1} in [0, 1)
 * @returns Σ_k; not positive where the step ends at or above σ_max, which `kernelTable` rejects
 */
export function preciseVariance(
  sigma: number,
  sigmaNext: number,
  eta: number,
  sigmaMax: number,
  clampBothEnds = false,
): number {
  const from = Math.min(sigma, sigmaMax);
  const to = clampBothEnds ? Math.min(sigmaNext, sigmaMax) : sigmaNext;
  return eta * eta * (from < smallSigma ? smallIntegral(from, to) : clampedIntegral(sigma, from, to, clampBothEnds));
}

function clampedIntegral(sigma: number, from: number, to: number, clampBothEnds: boolean): number {
  const delta = (clampBothEnds ? from : sigma) - to;
  return -delta + Math.log((1 - to) / (1 - from));
}

/** `∫ σ/(1−σ) dσ = δσ/(1−σ) + [log(1 + t) − t]`, `t = δ/(1−σ)`; the bracket by its series. */
function smallIntegral(from: number, to: number): number {
  const t = (from - to) / (1 - from);
  let power = -t;
  let bracket = 0;
  for (let n = 2; n <= 10; n++) {
    power *= -t;
    bracket -= power / n;
  }
  return from * t + bracket;
}
