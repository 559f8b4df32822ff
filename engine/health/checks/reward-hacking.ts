import type { Check } from '../check.ts';
import { componentGains, componentSpread, evaluationError, heldOutTrends } from '../gains.ts';
import { isSure, trendOf, type Trend } from '../statistics.ts';
import { rewardSpread, trendOver, type Trail } from '../trail.ts';
import { figure, percent, quoted, span } from '../wording.ts';

/** Iterations before which nothing is said. */
export const hackingAfter = 20;
/** Rise of the manifold distance, as a share of what it was. */
export const distanceRise = 0.2;
/**
 * Fall of an evaluation or of a component without weight, in standard deviations of it among videos; of a held-out metric
 * among prompts.
 */
export const scoreFall = 0.3;
/** Rise of the reward that counts as one, in its standard deviations among rollouts. */
const rewardRise = 0.2;

/** What got worse while the reward rose. */
interface Sign {
  text: string;
  first: number;
  last: number;
}

/** The training reward rises while what it stands for gets worse. */
export const rewardHacking: Check = (trail) => ({
  find() {
    const signs = [...signsOver(trail, 1), ...signsOver(trail, 0.5), ...evaluationSigns(trail), ...heldOutSigns(trail)];
    // A sign that shows over the run and over its last half is one.
    const known = new Map<string, Sign & { what: string; rise: Trend }>();
    for (const sign of signs) if (!known.has(sign.what)) known.set(sign.what, sign);
    const found = [...known.values()];
    if (found.length === 0) return null;
    const { rise } = found[0];
    return {
      severity: 'problem',
      title: `The reward rises while ${found[0].what} gets worse: the policy may be exploiting the reward.`,
      evidence: `Mean reward ${figure(rise.start)} → ${figure(rise.end)} in ${span(rise.first, rise.last)}; ${found.map(({ text }) => text).join('; ')}.`,
      why: 'The policy has found videos that the reward likes for another reason than the one it was made for. From here on a higher reward means worse videos.',
      remedy:
        'Look at the newest rollouts beside those of the same prompts from before. Go back to a checkpoint from before it began, hold the policy nearer to the pre-trained model (trust_region.anchor.mode: fixed, or trust_region.beta.weight 10 times higher), lower training.learning_rate, and give weight to what got worse (reward.weights).',
      key: 'trust_region.anchor.mode',
      first: Math.min(...found.map(({ first }) => first)),
      last: Math.max(...found.map(({ last }) => last)),
      steps: [],
    };
  },
});

type FoundSign = Sign & { what: string; rise: Trend };

function rises(trail: Trail, trend: Trend | null): trend is Trend {
  return trend !== null && isSure(trend, 1, 3) && trend.gain > rewardRise * rewardSpread(trail);
}

/** Distance, components without weight and held-out metrics of rollouts, over the last `share` of the run. */
function signsOver(trail: Trail, share: number): FoundSign[] {
  const rise = trendOver(trail, 'reward', share);
  if (!rises(trail, rise) || rise.iterations < hackingAfter) return [];
  const signs: FoundSign[] = [];
  const distance = trendOver(trail, 'distance', share);
  if (distance && isSure(distance, 1, 4) && distance.start > 0 && distance.gain > distanceRise * distance.start)
    signs.push({
      what: 'the manifold distance',
      text: `distance of rollouts ${figure(distance.start)} → ${figure(distance.end)} RMSE (+${percent(distance.gain / distance.start)})`,
      ...{ rise, first: distance.first, last: distance.last },
    });
  const gains = componentGains(trail, share);
  const spread = componentSpread(trail, gains);
  for (const { name, weight, trend } of gains) {
    if (weight !== 0 || !isSure(trend, -1, 4) || -trend.gain <= scoreFall * spread) continue;
    const shown = quoted(name, 40);
    signs.push({
      what: `the held-out ${shown}`,
      text: `${shown}, which has no weight in the reward, ${figure(trend.start)} → ${figure(trend.end)}`,
      ...{ rise, first: trend.first, last: trend.last },
    });
  }
  for (const { name, trend, spread } of heldOutTrends(trail, share)) {
    if (!isSure(trend, -1, 4) || -trend.gain <= scoreFall * spread) continue;
    const shown = quoted(name, 40);
    signs.push({
      what: `the held-out ${shown}`,
      text: `held-out ${shown} of rollouts ${figure(trend.start)} → ${figure(trend.end)} (${figure(trend.gain)}) in ${span(trend.first, trend.last)}`,
      ...{ rise, first: trend.first, last: trend.last },
    });
  }
  return signs;
}

/** Held-out metrics of evaluations that fell since their best, with a training reward that goes on rising. */
function heldOutSigns(trail: Trail): FoundSign[] {
  return heldOutTrends(trail).flatMap(({ name, spread }): FoundSign[] => {
    const measured = trail.evaluations.flatMap(({ iteration, heldOut }) => {
      const value = heldOut !== undefined && Object.hasOwn(heldOut, name) ? heldOut[name] : null;
      return value === null ? [] : [{ iteration, value }];
    });
    if (measured.length < 3) return [];
    const [before, last] = measured.slice(-2);
    const best = measured.slice(0, -2).reduce((most, one) => (one.value > most.value ? one : most), measured[0]);
    const fall = best.value - Math.max(before.value, last.value);
    const rise = fall > 2 * scoreFall * spread ? riseSince(trail, best.iteration) : null;
    if (rise === null) return [];
    const shown = quoted(name, 40);
    return [
      {
        what: `the held-out ${shown}`,
        text: `held-out ${shown} of evaluations ${figure(best.value)} at iteration ${best.iteration} → ${figure(last.value)} at iteration ${last.iteration}`,
        ...{ rise, first: best.iteration, last: last.iteration },
      },
    ];
  });
}

/** Evaluations whose reward falls, or distance rises, since their best, with a training reward that goes on rising. */
function evaluationSigns(trail: Trail): FoundSign[] {
  const { evaluations } = trail;
  if (evaluations.length < 3) return [];
  const [before, last] = evaluations.slice(-2);
  const signs: FoundSign[] = [];
  const best = evaluations.slice(0, -2).reduce((most, one) => (one.reward > most.reward ? one : most), evaluations[0]);
  const least = Math.max(scoreFall * best.rewardStd, 4 * evaluationError(best));
  const since = riseSince(trail, best.iteration);
  if (since && best.reward - Math.max(before.reward, last.reward) > least)
    signs.push({
      what: 'the evaluation',
      text: `evaluation ${figure(best.reward)} at iteration ${best.iteration} → ${figure(last.reward)} at iteration ${last.iteration}`,
      ...{ rise: since, first: best.iteration, last: last.iteration },
    });
  const known = evaluations.slice(0, -2).filter((one) => one.distance !== null);
  if (known.length === 0 || before.distance === null || last.distance === null) return signs;
  const nearest = known.reduce((least, one) => (one.distance! < least.distance! ? one : least));
  const rise = riseSince(trail, nearest.iteration);
  if (rise && Math.min(before.distance, last.distance) > (1 + 1.5 * distanceRise) * nearest.distance!)
    signs.push({
      what: 'the manifold distance',
      text: `distance of evaluations ${figure(nearest.distance!)} RMSE at iteration ${nearest.iteration} → ${figure(last.distance)} at iteration ${last.iteration}`,
      ...{ rise, first: nearest.iteration, last: last.iteration },
    });
  return signs;
}

function riseSince(trail: Trail, iteration: number): Trend | null {
  const trend = trendOf(trail.history.points('reward').filter(({ first }) => first > iteration));
  return rises(trail, trend) ? trend : null;
}
