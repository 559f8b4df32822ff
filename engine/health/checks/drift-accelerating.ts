import type { Check } from '../check.ts';
import { medianOf, trendOf, type Point, type Trend } from '../statistics.ts';
import { stepValues, type Trail } from '../trail.ts';
import { figure, span, stepList } from '../wording.ts';

/** Velocity deviation from the pre-trained model below which its growth is of no concern. */
export const driftThatMatters = 0.1;
/** Iterations before which nothing is said. */
export const driftAfter = 24;
/** How much faster the last third of a stretch must grow than the one before, and that than the first. */
export const acceleration = { last: 1.8, before: 1.2 };

/**
 * The deviation from the pre-trained model grows faster and faster. It is a squared distance: a policy that moves evenly
 * grows it as the square of time, which does not count; a policy that runs away, faster than that.
 */
export const driftAccelerating: Check = (trail) => ({
  find() {
    const found = [1, 0.5].map((share) => stretch(trail, share)).find((one) => one !== null);
    if (!found) return null;
    const [, before, last] = found;
    const worst = worstSteps(trail);
    const [slow, fast] = [before.gain / before.iterations, last.gain / last.iterations];
    const at = worst.length > 0 ? ` Largest at ${stepList(worst.map(({ k }) => k))}: ${figure(worst[0].drift)}.` : '';
    const rate = trail.settings.learningRate;
    return {
      severity: last.end >= 0.5 ? 'problem' : 'warning',
      title: 'The policy moves away from the pre-trained model faster and faster.',
      evidence: `Relative velocity deviation ${figure(Math.max(0, before.start))} → ${figure(last.end)} in ${span(before.first, last.last)}; it grew by ${figure(Math.max(0, slow), 2)} an iteration, and now by ${figure(fast, 2)}.${at}`,
      why: 'Velocities far from those of the pre-trained model give latents that no real video has; rewards and gradients mean little there, and the run is about to collapse.',
      remedy: `Lower training.learning_rate${rate ? ` from ${figure(rate)} to ${figure(rate / 3, 2)}` : ' to a third'}, raise trust_region.beta.weight 10 times, or hold the policy to the pre-trained model (trust_region.anchor.mode: fixed). Resume from a checkpoint before ${span(last.first, last.first)}.`,
      key: 'training.learning_rate',
      ...{ first: before.first, last: last.last, steps: worst.map(({ k }) => k).sort((a, b) => a - b) },
    };
  },
});

/** Trends of the thirds of the last `share` of the run, where each grows faster than the one before; else null. */
function stretch(trail: Trail, share: number): [Trend, Trend, Trend] | null {
  const length = trail.history.length();
  const points = trail.history.points('drift', Math.floor(length * (1 - share)));
  if (points.reduce((sum, { n }) => sum + n, 0) < driftAfter) return null;
  const third = (i: number): Point[] =>
    points.slice(Math.floor((points.length * i) / 3), Math.floor((points.length * (i + 1)) / 3));
  const [first, before, last] = [0, 1, 2].map((i) => trendOf(third(i)));
  if (!first || !before || !last || last.end < driftThatMatters || last.gain < 0.3 * last.end) return null;
  const surely = (faster: Trend, slower: Trend, factor: number, times: number) =>
    faster.gain - factor * Math.max(0, slower.gain) > times * Math.hypot(faster.error, factor * slower.error);
  if (!surely(last, before, acceleration.last, 4) || !surely(before, first, acceleration.before, 0)) return null;
  return [first, before, last];
}

/** The steps that deviate most, the worst first. */
function worstSteps(trail: Trail): { k: number; drift: number }[] {
  const steps = [...stepValues(trail, 'driftReference', 10)].map(([k, values]) => ({ k, drift: medianOf(values)! }));
  const most = steps.reduce((largest, { drift }) => Math.max(largest, drift), 0);
  return steps.filter(({ drift }) => drift > 0 && drift >= 0.7 * most).sort((a, b) => b.drift - a.drift);
}
