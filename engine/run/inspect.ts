import { resolve } from 'node:path';
import type { ErrorCode } from '../error-code.ts';
import { SageError } from '../errors.ts';
import { listCheckpoints, shownCheckpoints, type CheckpointInfo } from './checkpoint.ts';
import { eventBatches } from './event-log.ts';
import type { EvaluationSummary, EventOf, RunEvent } from './events.ts';
import { currentStatus, listRuns, readRun, runPaths, type CurrentStatus, type RunRecord } from './folder.ts';
import { lockState } from './lock.ts';
import type { RecordedChange } from './record.ts';

export interface WarningSummary {
  code: ErrorCode;
  message: string;
  remedy: string;
  /** How often it came; `iteration` is that of the last. */
  count: number;
  iteration: number;
}

export interface RunSummary {
  id: string;
  name: string;
  folder: string;
  status: CurrentStatus;
  message: string | null;
  /** The process that holds the run, null when none does. */
  pid: number | null;
  created: string;
  /** Iterations done, and how many the config asks for (null if it does not say). */
  iterations: number;
  iterationsPlanned: number | null;
  /** As it holds now. */
  config: Record<string, unknown>;
  /** Values that were given anew when it was resumed, in order. */
  changes: RecordedChange[];
  provenance: RunRecord['provenance'];
  evaluation: { first: EvaluationSummary | null; last: EvaluationSummary | null; best: EvaluationSummary | null };
  checkpoints: CheckpointInfo[];
  lastIteration: EventOf<'iteration'> | null;
  /** The newest folder with rollout videos, absolute; null before the first. */
  videosFolder: string | null;
  warnings: WarningSummary[];
  /** Optimizer updates done. */
  updates: number;
  /** Seconds spent in iterations and evaluations. */
  seconds: number;
  lastSeq: number;
}

/** What the events of a run add up to; `take` them in order. */
interface Tally {
  iterations: number;
  seconds: number;
  lastSeq: number;
  lastIteration: EventOf<'iteration'> | null;
  first: EvaluationSummary | null;
  last: EvaluationSummary | null;
  best: EvaluationSummary | null;
  videosFolder: string | null;
  warnings: Map<string, WarningSummary>;
}

function emptyTally(): Tally {
  return {
    iterations: 0,
    seconds: 0,
    lastSeq: 0,
    lastIteration: null,
    first: null,
    last: null,
    best: null,
    videosFolder: null,
    warnings: new Map(),
  };
}

/** What a summary keeps of an evaluation. */
export function evaluationSummary(event: EventOf<'evaluation'>): EvaluationSummary {
  const { iteration, reward, rewardStd, components, raw, heldOut, distance, videos, unscored, ceiling } = event;
  const beside = { ...(raw && { raw }), ...(heldOut && { heldOut }) };
  return { iteration, reward, rewardStd, components, ...beside, distance, videos, unscored, ceiling };
}

function take(tally: Tally, event: RunEvent): void {
  tally.lastSeq = event.seq;
  if (event.kind === 'iteration') {
    tally.iterations += 1;
    tally.seconds += event.seconds.total;
    tally.lastIteration = event;
  } else if (event.kind === 'evaluation') {
    tally.seconds += event.seconds;
    tally.last = evaluationSummary(event);
    tally.first ??= tally.last;
    if (!tally.best || event.reward > tally.best.reward) tally.best = tally.last;
  } else if (event.kind === 'rollouts') {
    tally.videosFolder = event.folder;
  } else if (event.kind === 'warning') {
    const { code, message, remedy, iteration } = event;
    const count = (tally.warnings.get(`${code}\n${message}`)?.count ?? 0) + 1;
    tally.warnings.set(`${code}\n${message}`, { code, message, remedy, count, iteration });
  }
}

async function tallyEvents(folder: string): Promise<Tally> {
  const tally = emptyTally();
  try {
    for await (const batch of eventBatches(runPaths(folder).events, { validate: 'light' }))
      for (const event of batch) take(tally, event);
  } catch (error) {
    // A run that died before its first event has no log yet.
    if (!(error instanceof SageError) || error.code !== 'file/missing') throw error;
  }
  return tally;
}

/** Iterations that a resolved config asks for, null if it does not say. */
export function plannedIterations(config: Record<string, unknown>): number | null {
  const training = config.training as { iterations?: unknown } | undefined;
  return typeof training?.iterations === 'number' ? training.iterations : null;
}

/**
 * Everything one wants to know of a run at a glance, from its folder alone.
 * @param options.deep check the checkpoints by sha256 instead of manifest and sizes
 * @throws SageError for a folder that is no run, a damaged event log, or a disk error
 */
export async function inspectRun(folder: string, options: { deep?: boolean } = {}): Promise<RunSummary> {
  const place = resolve(folder);
  const record = await readRun(place);
  const tally = await tallyEvents(place);
  const lock = await lockState(place);
  return {
    id: record.id,
    name: record.name,
    folder: place,
    status: await currentStatus(place, record),
    message: record.message,
    pid: lock.held ? (lock.record?.pid ?? null) : null,
    created: record.created,
    iterations: tally.iterations,
    iterationsPlanned: plannedIterations(record.config),
    config: record.config,
    changes: record.changes ?? [],
    provenance: record.provenance,
    evaluation: { first: tally.first, last: tally.last, best: tally.best },
    checkpoints: await listCheckpoints(place, { ...options, newest: shownCheckpoints }),
    lastIteration: tally.lastIteration,
    videosFolder: tally.videosFolder === null ? null : resolve(place, tally.videosFolder),
    warnings: [...tally.warnings.values()],
    updates: tally.lastIteration?.updates ?? 0,
    seconds: tally.seconds,
    lastSeq: tally.lastSeq,
  };
}

/** One line of `sage-grpo list`. A run that cannot be read has `broken` and nothing else to say. */
export interface RunRow {
  id: string;
  folder: string;
  broken: string | null;
  status: CurrentStatus | null;
  created: string | null;
  iterations: number;
  iterationsPlanned: number | null;
  firstReward: number | null;
  lastReward: number | null;
  bestReward: number | null;
  lastDistance: number | null;
}

const emptyRow = {
  status: null,
  created: null,
  iterations: 0,
  iterationsPlanned: null,
  firstReward: null,
  lastReward: null,
  bestReward: null,
  lastDistance: null,
};

/** The runs of a folder as rows, newest first, broken ones last with the reason. */
export async function listRunRows(runsDir: string): Promise<RunRow[]> {
  const rows: RunRow[] = [];
  for (const run of await listRuns(runsDir)) {
    const { id, folder } = run;
    if (run.broken !== null) {
      rows.push({ ...emptyRow, id, folder, broken: run.broken });
      continue;
    }
    const known = { status: run.status, created: run.record.created };
    const iterationsPlanned = plannedIterations(run.record.config);
    try {
      const { iterations, first, last, best } = await tallyEvents(folder);
      const rewards = { firstReward: first?.reward ?? null, lastReward: last?.reward ?? null };
      const ends = { bestReward: best?.reward ?? null, lastDistance: last?.distance ?? null };
      rows.push({ id, folder, broken: null, ...known, iterations, iterationsPlanned, ...rewards, ...ends });
    } catch (error) {
      if (!(error instanceof SageError)) throw error;
      rows.push({ ...emptyRow, id, folder, broken: error.message, ...known, iterationsPlanned });
    }
  }
  return rows;
}
