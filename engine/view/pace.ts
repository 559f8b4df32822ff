import type { EventOf } from '../run/events.ts';

/** Newest iterations that a pace is taken from. */
const newest = 20;

/** How fast a run goes. */
export interface Pace {
  add(event: EventOf<'iteration'>): void;
  /** Rollouts a second, decoding and scoring included, over the newest iterations; null when unknown. */
  videosPerSecond(): number | null;
  /** Seconds that so many iterations take, from the median of the newest; null before the first. */
  secondsFor(iterations: number): number | null;
}

function medianOf(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** Rollouts of an iteration that a resolved config asks for; null if it does not say. */
export function rolloutsPerIteration(config: Record<string, unknown>): number | null {
  const rollout = config.rollout as { prompts_per_iteration?: unknown; generations?: unknown } | undefined;
  const count = Number(rollout?.prompts_per_iteration) * Number(rollout?.generations);
  return Number.isSafeInteger(count) && count > 0 ? count : null;
}

/** @param rollouts rollouts of an iteration */
export function createPace(rollouts: number | null): Pace {
  const totals: number[] = [];
  const sampling: number[] = [];
  return {
    add({ seconds }) {
      totals.push(seconds.total);
      sampling.push(seconds.rollout + seconds.decode + seconds.score);
      if (totals.length <= newest) return;
      totals.shift();
      sampling.shift();
    },
    videosPerSecond() {
      const seconds = sampling.reduce((sum, value) => sum + value, 0);
      return rollouts === null || seconds <= 0 ? null : (rollouts * sampling.length) / seconds;
    },
    secondsFor: (iterations) => (totals.length === 0 ? null : iterations * medianOf(totals)),
  };
}
