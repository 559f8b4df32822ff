import type { Check } from '../check.ts';
import { componentGains } from '../gains.ts';
import { isSure } from '../statistics.ts';
import { rewardSpread } from '../trail.ts';
import { figure, listOf, percent, quoted, span } from '../wording.ts';

/** Iterations before which nothing is said. */
export const oneComponentAfter = 40;
/** Share of the rise that the one must have, and that the others together may surely have at most. */
export const oneComponentShare = 0.9;
/** Gains below this many standard deviations of the reward are not told apart. */
const gainThatMatters = 0.5;
/** A component of the shapes judge that is this high has nothing left to gain. */
const full = 0.95;

/** One component of the reward gives nearly all of its rise, while the others stand or fall. */
export const oneComponent: Check = (trail) => ({
  find() {
    const bounded = trail.settings.rewardModel === 'shapes-judge';
    const gains = componentGains(trail)
      .filter(({ weight }) => weight !== 0)
      .map(({ name, weight, trend }) => ({
        name,
        weight,
        trend,
        gain: weight * trend.gain,
        error: Math.abs(weight) * trend.error,
      }))
      .filter(({ trend }) => !(bounded && trend.start >= full));
    const best = gains.reduce<(typeof gains)[number] | null>(
      (most, one) => (!most || one.gain > most.gain ? one : most),
      null,
    );
    if (!best || gains.length < 2 || best.trend.iterations < oneComponentAfter) return null;
    if (best.gain < gainThatMatters * rewardSpread(trail) || !isSure(best.trend, best.weight > 0 ? 1 : -1, 4))
      return null;
    const others = gains.filter((gain) => gain !== best);
    const most = others.reduce((sum, { gain, error }) => sum + Math.max(0, gain + 2.5 * error), 0);
    if (most > (1 - oneComponentShare) * best.gain) return null;
    const all = gains.reduce((sum, { gain }) => sum + Math.max(0, gain), 0);
    const { first, last } = best.trend;
    const changes = gains.map(
      ({ name, trend, weight, gain }) =>
        `${quoted(name, 40)} ${figure(trend.start)} → ${figure(trend.end)} (weight ${figure(weight)}, ${gain < 0 ? '' : '+'}${figure(gain)})`,
    );
    return {
      severity: 'warning',
      title: `${quoted(best.name, 40)} alone makes the reward rise; ${listOf(others.slice(0, 5).map(({ name }) => quoted(name, 40)))} ${others.length === 1 ? 'does' : 'do'} not.`,
      evidence: `${percent(best.gain / all)} of the rise in ${span(first, last)}: ${changes.slice(0, 8).join(', ')}.`,
      why: 'Videos become better in one respect only, often at the cost of the others; it is the usual way in which hacking of a reward begins.',
      remedy: `Look at rollouts of before and now. If the others matter, lower the weight of this one (reward.weights.${quoted(best.name, 40)}: ${figure(best.weight / 2, 2)}) or raise theirs. Components whose values vary less among videos need a higher weight to be heard.`,
      key: 'reward.weights',
      ...{ first, last, steps: [] },
    };
  },
});
