import type { EvaluationSummary } from '../run/events.ts';
import { isSure, type Trend } from './statistics.ts';
import { componentName, heldOutName, rewardSpread, trendOver, type Trail } from './trail.ts';
import { weightOf } from './settings.ts';

/** Shares of the run, counted from its end, in which a rise is looked for. */
const windows = [1, 0.5, 0.25] as const;
const fewest = 20;

/** The trend in which the reward surely rises: over the run, its last half or quarter; null when it does in none. */
export function risingReward(trail: Trail): Trend | null {
  for (const share of windows) {
    const trend = trendOver(trail, 'reward', share);
    if (trend && trend.iterations >= fewest && isSure(trend, 1, 3)) return trend;
  }
  return null;
}

/** What a component added to the reward over the run. */
export interface ComponentGain {
  name: string;
  weight: number;
  /** Trend of the component itself; times `weight` it is what the reward gained by it. */
  trend: Trend;
}

/** Components with their trends over the last `share` of the run. */
export function componentGains(trail: Trail, share = 1): ComponentGain[] {
  const prefix = componentName('');
  return trail.history
    .names()
    .filter((name) => name.startsWith(prefix))
    .map((name) => name.slice(prefix.length))
    .map((name) => ({
      name,
      weight: weightOf(trail.settings, name),
      trend: trendOver(trail, componentName(name), share),
    }))
    .filter((gain): gain is ComponentGain => gain.trend !== null);
}

/** Spread of a single component among rollouts, as far as the reward's tells. */
export function componentSpread(trail: Trail, gains: readonly ComponentGain[]): number {
  const weights = gains.reduce((sum, { weight }) => sum + Math.abs(weight), 0);
  return weights > 0 ? rewardSpread(trail) / weights : 0;
}

/** A metric that is only watched, with its trend. */
export interface HeldOutTrend {
  name: string;
  trend: Trend;
  /** How much it varies among prompts, as far as its means over the prompts of an iteration tell. */
  spread: number;
}

/** Trends of the metrics that are only watched, over the last `share` of the run. */
export function heldOutTrends(trail: Trail, share = 1): HeldOutTrend[] {
  const prefix = heldOutName('');
  const prompts = trail.settings.promptsPerIteration ?? 1;
  return trail.history
    .names()
    .filter((name) => name.startsWith(prefix))
    .flatMap((name): HeldOutTrend[] => {
      const trend = trendOver(trail, name, share);
      if (trend === null) return [];
      // The error of a gain is that of a mean over n iterations times √12, for a line through evenly spaced points.
      const ofMeans = trend.error * Math.sqrt(trend.iterations / 12);
      return [{ name: name.slice(prefix.length), trend, spread: ofMeans * Math.sqrt(prompts) }];
    });
}

/** Standard error of an evaluation's mean reward. */
export function evaluationError({ rewardStd, videos }: EvaluationSummary): number {
  return rewardStd / Math.sqrt(Math.max(1, videos));
}

/** Mean of the last two evaluations, or the last; null before the first two. */
export function latestEvaluation(trail: Trail): { reward: number; distance: number | null } | null {
  const { evaluations } = trail;
  if (evaluations.length < 2) return null;
  const last = evaluations.slice(evaluations.length > 2 ? -2 : -1);
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const distances = last.map(({ distance }) => distance).filter((value) => value !== null);
  return {
    reward: mean(last.map(({ reward }) => reward)),
    distance: distances.length === last.length ? mean(distances) : null,
  };
}

/**
 * How near evaluations are to flawless videos: `room` is what is left in reward, `closed` the share of what there was at the
 * start; null where no ceiling is known.
 */
export function roomLeft(trail: Trail): { room: number; closed: number; ceiling: number } | null {
  const { evaluations } = trail;
  const last = evaluations.at(-1);
  if (!last || last.ceiling === null) return null;
  const room = last.ceiling - last.reward;
  const before = last.ceiling - evaluations[0].reward;
  return { room, closed: before > 0 ? 1 - room / before : 1, ceiling: last.ceiling };
}
