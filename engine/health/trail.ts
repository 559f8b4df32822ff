import { meanOf } from '../run/observables.ts';
import type { EvaluationSummary, EventOf, RunEvent } from '../run/events.ts';
import { createHistory, type History } from './history.ts';
import { settingsOf, type Settings } from './settings.ts';
import { trendOf, type Trend } from './statistics.ts';

export type Iteration = EventOf<'iteration'>;
export type StepName = Exclude<keyof Iteration['steps'][number], 'k'>;

/** What is kept of a run, bounded however long it is: all that the checks look at besides their own counters. */
export interface Trail {
  settings: Settings;
  /** The newest iterations, oldest first, at most `recentLength`. */
  recent: readonly Iteration[];
  history: History;
  /** Evaluations, oldest first; every other one is dropped when there are too many, the first and newest never. */
  evaluations: readonly EvaluationSummary[];
  /** Iteration of the newest checkpoint; null before the first. */
  checkpoint: number | null;
  /** Iteration of the newest event. */
  iteration: number;
  /** Iterations seen. */
  iterations(): number;
}

export const recentLength = 50;
const mostEvaluations = 128;
const mostComponents = 32;
const mostHeldOut = 8;
const stages = ['rollout', 'decode', 'score', 'update', 'other'] as const;
export type Stage = (typeof stages)[number];
export { stages };

/** Names of `history`: of a component, and of the seconds of a stage. */
export const componentName = (name: string) => `component:${name}`;
/** Name of a metric that is only watched. */
export const heldOutName = (name: string) => `heldOut:${name}`;
export const stageName = (stage: Stage) => `seconds:${stage}` as const;

/** A trail and how it grows. */
export function createTrail(config: Record<string, unknown>): { trail: Trail; add(event: RunEvent): void } {
  const recent: Iteration[] = [];
  let evaluations: EvaluationSummary[] = [];
  const history = createHistory();
  const trail: Trail = {
    ...{ settings: settingsOf(config), recent, history, checkpoint: null, iteration: 0 },
    get evaluations() {
      return evaluations;
    },
    iterations: history.length,
  };
  const add = (event: RunEvent) => {
    trail.iteration = event.iteration;
    if (event.kind === 'checkpoint') trail.checkpoint = event.iteration;
    if (event.kind === 'evaluation') {
      evaluations.push(event);
      if (evaluations.length > mostEvaluations)
        evaluations = evaluations.filter((_, i) => i % 2 === 0 || i === evaluations.length - 1);
    }
    if (event.kind !== 'iteration') return;
    recent.push(event);
    if (recent.length > recentLength) recent.shift();
    history.add(event.iteration, observablesOf(event));
  };
  return { trail, add };
}

function observablesOf(event: Iteration): [string, number | null][] {
  const values: [string, number | null][] = [
    ['reward', event.reward.mean],
    ['rewardStd', event.reward.std],
    ['distance', event.distance],
    ['drift', meanOver(event, 'driftReference')],
    ['seconds:rollout', event.seconds.rollout],
    ['seconds:decode', event.seconds.decode],
    ['seconds:score', event.seconds.score],
    ['seconds:update', event.seconds.update],
    ['seconds:other', event.seconds.other],
  ];
  let components = 0;
  for (const name in event.components) {
    if (components++ === mostComponents) break;
    values.push([componentName(name), event.components[name]]);
  }
  const held = Object.entries(event.heldOut ?? {}).slice(0, mostHeldOut);
  return [...values, ...held.map(([name, value]): [string, number] => [heldOutName(name), value])];
}

/** Mean over the steps of an iteration in which it was measured. */
export function meanOver(event: Iteration, name: StepName): number | null {
  let [sum, count] = [0, 0];
  for (const step of event.steps) {
    const value = step[name];
    if (value === null) continue;
    sum += value;
    count += 1;
  }
  return count === 0 ? null : sum / count;
}

/** Trend of an observable over the last `share` of the run; null when there is too little of it. */
export function trendOver(trail: Trail, name: string, share = 1): Trend | null {
  return trendOf(trail.history.points(name, Math.floor(trail.history.length() * (1 - share))));
}

/** Spread of rewards among the rollouts of an iteration, mean over the run: the scale of all gains. */
export function rewardSpread(trail: Trail): number {
  return meanOf(trail.history.points('rewardStd').map((point) => point.y)) ?? 0;
}

/** Per step k, ascending, the values of the newest `iterations` iterations that were measured. */
export function stepValues(trail: Trail, name: StepName, iterations: number): Map<number, number[]> {
  const values = new Map<number, number[]>();
  for (const event of trail.recent.slice(-iterations))
    for (const step of event.steps) {
      const value = step[name];
      if (value === null) continue;
      const list = values.get(step.k);
      if (list) list.push(value);
      else values.set(step.k, [value]);
    }
  return new Map([...values].sort(([a], [b]) => a - b));
}
