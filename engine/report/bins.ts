import type { EventOf } from '../run/events.ts';

export type Iteration = EventOf<'iteration'>;

/** Charts have at most this many columns: more than pixels to show them only makes the file large. */
export const largestColumns = 480;

/** Consecutive iterations that share a column; `at` is the last of them. */
export interface Bin {
  at: number;
  members: Iteration[];
}

/** Splits iterations, ascending, into at most `most` bins of equal size (the last may be smaller). */
export function binIterations(iterations: readonly Iteration[], most = largestColumns): Bin[] {
  const size = Math.max(1, Math.ceil(iterations.length / most));
  const bins: Bin[] = [];
  for (let first = 0; first < iterations.length; first += size) {
    const members = iterations.slice(first, first + size);
    bins.push({ at: members[members.length - 1].iteration, members });
  }
  return bins;
}

/** Mean over a bin of what can be measured; null where nothing can. */
export function binMean(bin: Bin, value: (iteration: Iteration) => number | null | undefined): number | null {
  return meanOf(bin.members.map(value));
}

/** Mean of the finite values; null without any. */
export function meanOf(values: readonly (number | null | undefined)[]): number | null {
  const finite = values.filter((value): value is number => typeof value === 'number' && Number.isFinite(value));
  return finite.length === 0 ? null : finite.reduce((sum, value) => sum + value, 0) / finite.length;
}
