import { createEpisode, type Check } from '../check.ts';
import { medianOf } from '../statistics.ts';
import { countOf, figure, span, stepList } from '../wording.ts';

/** |ratio − 1| at the first replay that rounding explains. */
export const ratioTolerance = 1e-5;
/** Iterations after the last occurrence from which on it is a warning about the past. */
export const ratioProblemFor = 20;
const mostSteps = 1000;

/** A ratio other than 1 while the weights are still those that sampled. */
export const firstReplayRatio: Check = (trail) => {
  const episode = createEpisode(Infinity);
  const worst = { deviation: 0, iteration: 0 };
  const byStep = new Map<number, number>();
  return {
    see(event) {
      if (event.kind !== 'iteration') return;
      const deviation = event.firstReplayRatioDeviation;
      const holds = deviation !== null && deviation > ratioTolerance;
      episode.see(event.iteration, holds);
      if (!holds) return;
      if (deviation > worst.deviation) Object.assign(worst, { deviation, iteration: event.iteration });
      for (const { k, ratioDeviation } of event.steps)
        if (ratioDeviation !== null && ratioDeviation > ratioTolerance && (byStep.size < mostSteps || byStep.has(k)))
          byStep.set(k, Math.max(byStep.get(k) ?? 0, ratioDeviation));
    },
    find() {
      if (episode.count() === 0) return null;
      const steps = worstSteps(byStep);
      const noise = trail.settings.clipRange;
      const size = noise ? ` (${figure(worst.deviation / noise, 2)} times training.clip_range)` : '';
      const where = steps.length > 0 ? ` Largest deviations at ${stepList(steps)}.` : '';
      return {
        severity: episode.age() < ratioProblemFor ? 'problem' : 'warning',
        title: 'The replay does not reproduce the rollout: the ratio is off before any update.',
        evidence: `|ratio − 1| reached ${figure(worst.deviation)} at iteration ${worst.iteration}${size}; above ${figure(ratioTolerance)} in ${countOf(episode.count(), 'iteration')} of ${span(episode.first(), episode.last())}.${where}`,
        why: 'Until the first update the weights are those that sampled, so the ratio must be 1. Its deviation is noise in every gradient, and clips samples for no reason.',
        remedy:
          'Sample and replay must compute the same: set policy.precision to fp32, keep sampling.train_guidance true, and use the same policy.weights and policy.backend for both. If only the last steps deviate, leave them out (exploration.last_step: ode, or exploration.window).',
        key: 'policy.precision',
        ...{ first: episode.first(), last: episode.last(), steps },
      };
    },
  };
};

/**
 * The steps that stand out: within a factor of three of the worst, where they are not all alike. The events give the
 * deviation of a step over all replays of an iteration, later updates included.
 */
function worstSteps(byStep: ReadonlyMap<number, number>): number[] {
  const values = [...byStep.values()];
  const most = values.reduce((a, b) => Math.max(a, b), 0);
  const standing = [...byStep].filter(([, value]) => value >= most / 3).map(([k]) => k);
  const alike = most < 3 * (medianOf(values) ?? 0);
  return (alike ? [...byStep.keys()] : standing).sort((a, b) => a - b);
}
