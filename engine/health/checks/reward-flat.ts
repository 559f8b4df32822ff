import type { Check, Finding } from '../check.ts';
import { evaluationError, latestEvaluation, risingReward, roomLeft } from '../gains.ts';
import { hasStepUp, isSure, type Trend } from '../statistics.ts';
import { rewardSpread, trendOver, type Trail } from '../trail.ts';
import { figure, percent, span } from '../wording.ts';
import { suspectsOf } from './suspects.ts';

/** Iterations before which no reward is called flat, nor a rise to have ended. */
export const flatAfter = { start: 40, plateau: 80, fall: 30 };
/**
 * A rise that matters, in standard deviations of the reward among rollouts: so much an iteration, up to `most`. A slow but
 * healthy run of 300 iterations gains at least twice as much.
 */
export const leastRise = { perIteration: 0.0015, most: 0.25 };
const fallThatMatters = 0.35;

/**
 * The reward does not rise. To be called flat it is not enough that no rise can be seen: a rise that matters must be ruled
 * out, so that noise alone makes nobody worry.
 */
export const rewardFlat: Check = (trail) => ({
  find() {
    const whole = trendOver(trail, 'reward');
    if (!whole || whole.iterations < flatAfter.fall) return null;
    return falling(trail, whole) ?? flatFromStart(trail, whole) ?? plateau(trail);
  },
});

/** Whether even the largest rise that the noise allows is too small to matter. */
function rulesOutRise(trend: Trend, spread: number): boolean {
  const matters = Math.min(leastRise.most, leastRise.perIteration * trend.iterations) * spread;
  return trend.gain + 2.5 * trend.error <= matters;
}

function flatFromStart(trail: Trail, whole: Trend): Finding | null {
  const spread = rewardSpread(trail);
  if (whole.iterations < flatAfter.start || risingReward(trail) || !rulesOutRise(whole, spread)) return null;
  if (hasStepUp(trail.history.points('reward'), 3.5)) return null;
  if (nearCeiling(trail, spread) || evaluationsRose(trail, spread)) return null;
  const most = Math.max(0, whole.gain + 2.5 * whole.error);
  return {
    severity: 'problem',
    title: 'The reward has not risen since the start.',
    evidence: `Mean reward ${figure(whole.start)} → ${figure(whole.end)} in ${span(whole.first, whole.last)} (straight line; change ${figure(whole.gain)} ± ${figure(whole.error, 2)}). It rose by ${figure(most, 2)} at most, with a spread among rollouts of ${figure(spread)}.`,
    why: 'The policy does not learn what is rewarded; more iterations of the same will not change it.',
    ...remedyOf(trail),
    ...{ first: whole.first, last: whole.last, steps: [] },
  };
}

function falling(trail: Trail, whole: Trend): Finding | null {
  const spread = rewardSpread(trail);
  const trends = [whole, trendOver(trail, 'reward', 0.5)].filter((trend) => trend !== null);
  const fall = trends.find(
    (trend) => trend.iterations >= flatAfter.fall && isSure(trend, -1, 4) && -trend.gain > fallThatMatters * spread,
  );
  if (!fall || evaluationsRose(trail, spread, fall.first)) return null;
  // What has turned up again is not falling.
  const newest = trendOver(trail, 'reward', 0.25);
  if (newest && newest.iterations >= 20 && isSure(newest, 1, 3)) return null;
  return {
    severity: 'problem',
    title: 'The reward falls.',
    evidence: `Mean reward ${figure(fall.start)} → ${figure(fall.end)} in ${span(fall.first, fall.last)} (straight line; change ${figure(fall.gain)} ± ${figure(fall.error, 2)}; spread among rollouts ${figure(spread)}).`,
    why: 'Updates carry the policy away from what is rewarded: they are too large, or their gradient is mostly noise.',
    ...remedyOf(trail, 'falling'),
    ...{ first: fall.first, last: fall.last, steps: [] },
  };
}

/** A rise that ended far below a known ceiling. Where no ceiling is known, an end of the rise is no disease. */
function plateau(trail: Trail): Finding | null {
  const spread = rewardSpread(trail);
  const half = trendOver(trail, 'reward', 0.5);
  const room = roomLeft(trail);
  if (!half || half.iterations < flatAfter.plateau || !room || nearCeiling(trail, spread)) return null;
  // How far the ceiling is, is only known from an evaluation of this stretch.
  if (trail.evaluations[trail.evaluations.length - 1].iteration < half.first) return null;
  const newest = trendOver(trail, 'reward', 0.25);
  if (isSure(half, 1, 3) || (newest && isSure(newest, 1, 3)) || !rulesOutRise(half, spread)) return null;
  if (evaluationsRose(trail, spread, half.first)) return null;
  return {
    severity: 'warning',
    title: 'The reward stopped rising far below the ceiling.',
    evidence: `Mean reward ${figure(half.start)} → ${figure(half.end)} in ${span(half.first, half.last)} (change ${figure(half.gain)} ± ${figure(half.error, 2)}); evaluations stand ${figure(room.room)} below the ${figure(room.ceiling)} of flawless videos, with ${percent(Math.max(0, room.closed))} of the room closed.`,
    why: 'There is more to gain, but the run does not find it any more.',
    ...remedyOf(trail),
    ...{ first: half.first, last: half.last, steps: [] },
  };
}

function nearCeiling(trail: Trail, spread: number): boolean {
  const room = roomLeft(trail);
  return room !== null && (room.closed >= 0.5 || room.room <= spread);
}

/** Evaluations have the same prompts and seeds each time: they see a rise that rollouts of ever other prompts hide. */
function evaluationsRose(trail: Trail, spread: number, since = 0): boolean {
  const latest = latestEvaluation(trail);
  const first = trail.evaluations.findLast(({ iteration }) => iteration <= since) ?? trail.evaluations[0];
  return latest !== null && latest.reward - first.reward > Math.max(0.1 * spread, 2 * evaluationError(first));
}

function remedyOf(trail: Trail, how: 'flat' | 'falling' = 'flat'): { remedy: string; key: string } {
  const suspects = suspectsOf(trail);
  if (suspects.length > 0) return { remedy: suspects.map(({ text }) => text).join(' '), key: suspects[0].key };
  const rate = trail.settings.learningRate;
  const lower = `Set training.learning_rate${rate ? ` from ${figure(rate)} to ${figure(rate / 3, 2)}` : ' to a third'}, and look at the rollouts from before the fall.`;
  const higher = `Groups, clipping, update size, trust region and gradients look sound. Set training.learning_rate${rate ? ` from ${figure(rate)} to ${figure(3 * rate, 2)}` : ' 3 times higher'}, double rollout.generations for a clearer signal, and look at the rollouts: does the reward tell good videos from bad ones?`;
  return { remedy: how === 'falling' ? lower : higher, key: 'training.learning_rate' };
}
