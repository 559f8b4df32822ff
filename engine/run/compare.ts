import { resolve } from 'node:path';
import { SageError } from '../errors.ts';
import { eventBatches } from './event-log.ts';
import type { EvaluationSummary, EventKind, EventOf } from './events.ts';
import { runPaths } from './folder.ts';
import { evaluationSummary, inspectRun, type RunSummary } from './inspect.ts';
import { imbalanceOf, meanOf } from './observables.ts';

/** One iteration as a comparison plots it; means are over the explored steps. */
export interface IterationPoint {
  iteration: number;
  reward: number;
  rewardStd: number;
  distance: number | null;
  /** max/min over the steps of the parameter-gradient norm, before and after equalization. */
  gradientImbalanceRaw: number | null;
  gradientImbalance: number | null;
  approxKl: number | null;
  driftReference: number | null;
  beta: number;
  updates: number;
  /** Seconds of all iterations up to this one. */
  seconds: number;
}

export interface ConfigDifference {
  /** Flattened key such as `exploration.eta`. */
  key: string;
  /** The value in each run, in the order of the runs; undefined where the run lacks the key. */
  values: unknown[];
}

export interface ComparisonRow {
  id: string;
  status: RunSummary['status'];
  iterations: number;
  updates: number;
  seconds: number;
  first: EvaluationSummary | null;
  last: EvaluationSummary | null;
  best: EvaluationSummary | null;
  /** last − first evaluation, null without two. */
  rewardGain: number | null;
  distanceChange: number | null;
}

export interface Comparison {
  runs: RunSummary[];
  differences: ConfigDifference[];
  /** One list a run, in the order of the runs. */
  evaluations: EvaluationSummary[][];
  rows: ComparisonRow[];
}

/** Nested keys joined by dots; lists and scalars are leaves. */
export function flattenConfig(config: unknown, prefix = ''): Map<string, unknown> {
  if (typeof config !== 'object' || config === null || Array.isArray(config)) return new Map([[prefix, config]]);
  const entries = Object.entries(config).flatMap(([key, value]) => [
    ...flattenConfig(value, prefix === '' ? key : `${prefix}.${key}`),
  ]);
  return new Map(entries);
}

/** The keys whose values are not the same in all configs, in the order in which the configs have them. */
export function configDifferences(configs: unknown[]): ConfigDifference[] {
  const flat = configs.map((config) => flattenConfig(config));
  const keys = new Set(flat.flatMap((values) => [...values.keys()]));
  return [...keys]
    .map((key) => ({ key, values: flat.map((values) => values.get(key)) }))
    .filter(({ values }) => new Set(values.map((value) => JSON.stringify(value))).size > 1);
}

function pointOf(event: EventOf<'iteration'>, secondsBefore: number): IterationPoint {
  const { iteration, reward, distance, steps, beta, updates, seconds } = event;
  return {
    iteration,
    reward: reward.mean,
    rewardStd: reward.std,
    distance,
    gradientImbalanceRaw: imbalanceOf(steps.map((step) => step.gradientNormRaw)),
    gradientImbalance: imbalanceOf(steps.map((step) => step.gradientNorm)),
    approxKl: meanOf(steps.map((step) => step.approxKl)),
    driftReference: meanOf(steps.map((step) => step.driftReference)),
    beta,
    updates,
    seconds: secondsBefore + seconds.total,
  };
}

/** The events of some kind; none where a run died before its first. */
async function eventsOf<Kind extends EventKind>(folder: string, kind: Kind): Promise<EventOf<Kind>[]> {
  const found: EventOf<Kind>[] = [];
  try {
    for await (const batch of eventBatches(runPaths(folder).events))
      for (const event of batch) if (event.kind === kind) found.push(event as EventOf<Kind>);
  } catch (error) {
    if (!(error instanceof SageError) || error.code !== 'file/missing') throw error;
  }
  return found;
}

/** The iterations of a run as a comparison plots them. */
export async function iterationPoints(folder: string): Promise<IterationPoint[]> {
  let seconds = 0;
  return (await eventsOf(folder, 'iteration')).map((event) => {
    const point = pointOf(event, seconds);
    seconds = point.seconds;
    return point;
  });
}

function rowOf({ id, status, iterations, updates, seconds, evaluation }: RunSummary): ComparisonRow {
  const { first, last, best } = evaluation;
  const both = first && last && first.iteration !== last.iteration;
  const distances = both && first.distance !== null && last.distance !== null;
  return {
    id,
    status,
    iterations,
    updates,
    seconds,
    first,
    last,
    best,
    rewardGain: both ? last.reward - first.reward : null,
    distanceChange: distances ? last.distance! - first.distance! : null,
  };
}

/**
 * Sets runs side by side: how their configs differ, their evaluations, and how each ended.
 * @throws SageError when one of them cannot be read
 */
export async function compareRuns(folders: string[]): Promise<Comparison> {
  const runs: RunSummary[] = [];
  const evaluations: EvaluationSummary[][] = [];
  for (const folder of folders.map((path) => resolve(path))) {
    runs.push(await inspectRun(folder));
    evaluations.push((await eventsOf(folder, 'evaluation')).map(evaluationSummary));
  }
  return {
    runs,
    differences: configDifferences(runs.map((run) => run.config)),
    evaluations,
    rows: runs.map(rowOf),
  };
}
