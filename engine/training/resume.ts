import { readdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import type { Config } from '../config/schema.ts';
import { exitCodes, SageError } from '../errors.ts';
import { createMeasuredEqualizer, type MeasuredEqualizerState } from '../method/equalizer.ts';
import { createKlController, type KlControllerState } from '../method/trust-region.ts';
import type { Policy } from '../policy/policy.ts';
import { discardCheckpointsAfter, listCheckpoints, newestValid, type ResumePoint } from '../run/checkpoint.ts';
import { truncateEvents, type EventLog } from '../run/event-log.ts';
import type { SettingChange } from '../run/events.ts';
import { runPaths } from '../run/folder.ts';
import { announceCheckpoint } from './checkpointing.ts';
import type { TrainerContext, TrainerState } from './context.ts';
import { klOptions } from './settings.ts';

/** What is brought back to a checkpoint. */
interface Rewound {
  runFolder: string;
  config: Config;
  parts: { policy: Policy };
}

/**
 * Brings the folder back to a checkpoint: later checkpoints, videos and events go, the policy is loaded. Null, and an
 * empty folder, when the run ended before it saved any.
 * @throws SageError before anything is changed, where there is no such checkpoint, or it lies beyond the run's new end
 */
export async function rewind(
  { from, changes = [] }: { from: number | 'newest'; changes?: readonly SettingChange[] },
  { runFolder, config, parts: { policy } }: Rewound,
): Promise<ResumePoint | null> {
  const point = await newestValid(runFolder, from === 'newest' ? undefined : from);
  if (from !== 'newest' && point?.iteration !== from) throw noCheckpoint(runFolder, from, point);
  if (!point) {
    const damaged = await listCheckpoints(runFolder, { deep: true });
    if (damaged.length > 0) throw allDamaged(runFolder, damaged);
    await rm(runPaths(runFolder).events, { force: true });
    await discardVideosAfter(runFolder, -1);
    return null;
  }
  if (changes.some(({ path }) => path === 'training.iterations')) requireLater(config, point);
  await policy.loadState(point.folder);
  // Only what is named by the future that is left behind is deleted, and only when there is something to go back to.
  await discardCheckpointsAfter(runFolder, point.iteration);
  await truncateEvents(runPaths(runFolder).events, point.state.eventSeq);
  await discardVideosAfter(runFolder, point.iteration);
  return point;
}

async function discardVideosAfter(runFolder: string, iteration: number): Promise<void> {
  for (const parent of [runPaths(runFolder).rollouts, runPaths(runFolder).evaluations]) {
    const names = await readdir(parent).catch(() => [] as string[]);
    const later = names.filter((name) => /^\d+$/.test(name) && Number(name) > iteration);
    for (const name of later) await rm(path.join(parent, name), { recursive: true, force: true });
  }
}

function allDamaged(
  runFolder: string,
  checkpoints: readonly { iteration: number; reason: string | null }[],
): SageError {
  const newest = checkpoints.at(-1)!;
  const count = checkpoints.length === 1 ? 'The only checkpoint' : `Every one of the ${checkpoints.length} checkpoints`;
  return new SageError(
    'resume/no-checkpoint',
    `${count} of the run is damaged; of iteration ${newest.iteration}: ${newest.reason}.`,
    'Check the disk and restore the checkpoints from a copy, or start a new run from its config.sage.yaml. Nothing was changed.',
    { place: { file: runPaths(runFolder).checkpoints } },
  );
}

function noCheckpoint(runFolder: string, from: number, nearest: ResumePoint | null): SageError {
  const place = { file: runPaths(runFolder).checkpoints };
  const remedy = nearest ? `The nearest one before it is ${nearest.iteration}.` : 'Look which checkpoints there are.';
  return new SageError('resume/no-checkpoint', `The run has no valid checkpoint of iteration ${from}.`, remedy, {
    place,
    advice: [
      nearest ? { action: 'resume', run: runFolder, from: nearest.iteration } : { action: 'inspect', run: runFolder },
    ],
    exitCode: exitCodes.usage,
  });
}

function requireLater({ training: { iterations } }: Config, { iteration }: ResumePoint): void {
  if (iterations >= iteration) return;
  throw new SageError(
    'resume/iterations',
    `The run would go on after iteration ${iteration}, which is beyond training.iterations, ${iterations}.`,
    `Set training.iterations to ${iteration} or more, or go back to an earlier checkpoint with --from.`,
    { place: { key: 'training.iterations' }, exitCode: exitCodes.usage },
  );
}

/** Says that a run which had no checkpoint begins anew. */
export function announceStartingOver(
  events: EventLog,
  changes: readonly SettingChange[],
  note: (text: string) => void,
): void {
  note('the run ended before its first checkpoint; starting over');
  appendResumed(events, 0, changes, note);
}

function appendResumed(
  events: EventLog,
  iteration: number,
  changes: readonly SettingChange[],
  note: (text: string) => void,
): void {
  const changed = changes.length > 0 ? { changes: [...changes] } : {};
  events.append({ kind: 'run_resumed', iteration, fromIteration: iteration, ...changed });
  for (const { path, from, to } of changes) {
    const why = path === 'training.accumulation' ? ', which keeps the samples of an update' : '';
    note(`${path}: ${from} → ${to}${why}`);
  }
}

/** Says in the log and to the person where training goes on, and what was passed over. */
export async function announceResume(
  context: TrainerContext,
  point: ResumePoint,
  changes: readonly SettingChange[],
  note: (text: string) => void,
): Promise<void> {
  const { events, state } = context;
  const evaluated = state.evaluated?.iteration === point.iteration ? state.evaluated.reward : null;
  announceCheckpoint(context, evaluated);
  note(`resumed after iteration ${point.iteration}`);
  appendResumed(events, point.iteration, changes, note);
  for (const { iteration, reason } of point.skipped) {
    const message = `The checkpoint of iteration ${iteration} is damaged and was passed over: ${reason}.`;
    const remedy = 'Check the disk. Training continues from the checkpoint before it.';
    events.append({ kind: 'warning', iteration: point.iteration, code: 'resume/damaged-checkpoint', message, remedy });
  }
}

/** State of a run that has not begun. */
export function freshState(config: Config): TrainerState {
  const { decay, warmup } = config.equalizer;
  return {
    iteration: 0,
    updates: 0,
    klController: createKlController(klOptions(config)),
    equalizer: createMeasuredEqualizer(config.sampling.steps, decay, warmup),
    best: null,
    evaluated: null,
    checkpointed: -1,
  };
}

/** State as a checkpoint has it. */
export function restoreState(state: ResumePoint['state']): TrainerState {
  const evaluated = z.object({ iteration: z.number(), reward: z.number() }).nullable().parse(state.evaluated);
  return {
    iteration: state.iteration,
    updates: state.updates,
    klController: state.klController as unknown as KlControllerState,
    equalizer: state.equalizer as unknown as MeasuredEqualizerState,
    best: state.best,
    evaluated,
    checkpointed: state.iteration,
  };
}
