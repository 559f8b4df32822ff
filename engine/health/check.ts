import type { HealthFinding } from '../protocol/view.ts';
import type { RunEvent } from '../run/events.ts';
import type { CurrentStatus } from '../run/folder.ts';
import type { Trail } from './trail.ts';

/** A finding without its code, which the table of checks adds. */
export type Finding = Omit<HealthFinding, 'code'>;

/** Looks at one run. */
export interface Watch {
  /** Takes an event; the trail has it already. */
  see?(event: RunEvent): void;
  /** What is wrong now; null when nothing is. */
  find(status: CurrentStatus | null): Finding | null;
}

/** Begins to watch a run for one disease. */
export type Check = (trail: Trail) => Watch;

/** When a condition held: an episode goes on over gaps of up to `gap` iterations without it. */
export interface Episode {
  see(iteration: number, holds: boolean): void;
  first(): number;
  last(): number;
  /** Iterations in which it held. */
  count(): number;
  /** Iterations since it held last; Infinity before it ever did. */
  age(): number;
}

export function createEpisode(gap: number): Episode {
  let [first, last, count, age] = [0, 0, 0, Infinity];
  return {
    see(iteration, holds) {
      age += 1;
      if (!holds) return;
      if (count === 0 || age > gap) [first, count] = [iteration, 0];
      last = iteration;
      count += 1;
      age = 0;
    },
    first: () => first,
    last: () => last,
    count: () => count,
    age: () => age,
  };
}
