import { appendFileSync } from 'node:fs';
import { readdir, readFile, rm } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import type { Config } from '../config/schema.ts';
import { exitCodes, SageError } from '../errors.ts';
import { createVideoWriter } from '../media/writer.ts';
import { createMeasuredEqualizer, type MeasuredEqualizerState } from '../method/equalizer.ts';
import { exploredSteps } from '../method/kernels.ts';
import { createKlController, type KlControllerState } from '../method/trust-region.ts';
import type { Policy } from '../policy/policy.ts';
import type { Reward } from '../reward/reward.ts';
import {
  cleanCheckpoints,
  discardCheckpointsAfter,
  listCheckpoints,
  newestValid,
  type ResumePoint,
} from '../run/checkpoint.ts';
import { openControl } from '../run/control.ts';
import { cleanTemporaries, writeFileAtomic } from '../run/disk.ts';
import { openEventLog, truncateEvents, type EventLog } from '../run/event-log.ts';
import { runPaths, updateRun } from '../run/folder.ts';
import { takeLock } from '../run/lock.ts';
import { train, type TrainOutcome } from '../trainer.ts';
import { announceCheckpoint, checkpoint } from './checkpointing.ts';
import type { Progress, TrainerContext, TrainerState } from './context.ts';
import { createGate } from './gate.ts';
import { mean } from './observe.ts';
import { evaluationTable, klOptions, lossSettings, rolloutTable, totalReward } from './settings.ts';

/** Prompts of a run, kept in its folder so that a resume does not depend on the file they came from. */
export interface RunPrompts {
  training: string[];
  evaluation: string[];
}

const promptsSchema = z.object({ training: z.array(z.string()).min(1), evaluation: z.array(z.string()).min(1) });

const promptsFile = 'prompts.json';

/** The file of a new run folder that holds the prompts: its name and text, for `createRun`. */
export function promptsFiles(prompts: RunPrompts): Record<string, string> {
  return { [promptsFile]: `${JSON.stringify(prompts, null, 2)}\n` };
}

/** Writes the prompts into a run folder that has none. */
export async function writePrompts(runFolder: string, prompts: RunPrompts): Promise<void> {
  for (const [name, text] of Object.entries(promptsFiles(prompts)))
    await writeFileAtomic(path.join(runFolder, name), text, { doing: 'write the prompts' });
}

/** @throws SageError `run-broken` */
export async function readPrompts(runFolder: string): Promise<RunPrompts> {
  const file = path.join(runFolder, promptsFile);
  try {
    return promptsSchema.parse(JSON.parse(await readFile(file, 'utf8')));
  } catch (cause) {
    throw new SageError('run-broken', `The prompts of the run cannot be read from ${file}.`, 'Start the run anew.', {
      place: { file },
      cause,
    });
  }
}

/** What a person or a program that watches gives to a session. */
export interface SessionHooks {
  progress(progress: Progress): void;
  /** One line for the terminal; it goes to engine.log too. */
  note(text: string): void;
  /** Called once with the function that ends training after the current iteration, with a checkpoint. */
  onInterrupt(stop: () => void): void;
}

export interface SessionInput {
  runFolder: string;
  config: Config;
  prompts: RunPrompts;
  policy: Policy;
  reward: Reward;
  hooks: SessionHooks;
  /**
   * Resume after this checkpoint, or from the newest valid one with `newest`, which starts over a run that had no time
   * to save one; absent for a new run.
   */
  resume?: { from: number | 'newest' };
}

/**
 * Trains a run in its folder until it is finished, stopped or fails, and leaves run.json, the events and the lock as
 * they must be in each case.
 */
export async function runSession(input: SessionInput): Promise<TrainOutcome> {
  const { runFolder } = input;
  const lock = await takeLock(runFolder);
  const log = createLog(runPaths(runFolder).log);
  try {
    await cleanTemporaries(runFolder);
    await cleanCheckpoints(runFolder);
    // A run that cannot be brought back to a checkpoint stays as it is, with its status.
    const resumed = input.resume ? await rewind(input, input.resume.from) : null;
    return await trainFrom(resumed, input, log);
  } catch (error) {
    log(`failed: ${error instanceof Error ? error.stack : String(error)}`);
    throw error;
  } finally {
    await lock.release();
  }
}

/** Trains from a checkpoint, or from the start, and leaves the run's status as the end was. */
async function trainFrom(
  resumed: ResumePoint | null,
  input: SessionInput,
  log: (text: string) => void,
): Promise<TrainOutcome> {
  const { runFolder } = input;
  try {
    const outcome = await trainLocked(resumed, input, log);
    await updateRun(runFolder, { status: outcome, message: null });
    return outcome;
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    // The disk may be what failed; the first error is the one to show.
    await updateRun(runFolder, { status: 'failed', message }).catch(() => undefined);
    throw error;
  }
}

async function trainLocked(
  resumed: ResumePoint | null,
  input: SessionInput,
  log: (text: string) => void,
): Promise<TrainOutcome> {
  const { runFolder, config, hooks, policy } = input;
  const note = (text: string) => {
    log(text);
    hooks.note(text);
  };
  const events = showingWarnings(await openEventLog(runPaths(runFolder).events), note);
  const framesPerSecond = policy.describe().video.framesPerSecond;
  const videos = createVideoWriter({ quality: config.videos.quality, framesPerSecond });
  const state = resumed ? restoreState(resumed.state) : freshState(config);
  const gate = createGate({
    onPause: (iteration) => pauseHook(runFolder, 'paused', `paused after iteration ${iteration}`, note),
    onContinue: (iteration) => pauseHook(runFolder, 'running', `continuing after iteration ${iteration}`, note),
    onCheckpoint: () => checkpoint(context),
  });
  const context: TrainerContext = {
    runFolder,
    config,
    prompts: input.prompts.training,
    evaluationPrompts: input.prompts.evaluation,
    policy,
    reward: input.reward,
    table: rolloutTable(config),
    evaluationTable: evaluationTable(config),
    trainedSteps: exploredSteps(rolloutTable(config)),
    ceiling: await flawlessReward(input),
    lossSettings: lossSettings(config),
    state,
    events,
    videos,
    gate,
    progress: hooks.progress,
  };
  const control = await openControl(runFolder, async (request, by) => {
    if (request !== 'status') {
      events.append({ kind: 'control', iteration: state.iteration, request, by });
      gate.request(request);
    }
    return { iteration: state.iteration, paused: gate.paused, stopping: gate.stopping };
  });
  hooks.onInterrupt(() => gate.request('stop'));
  try {
    if (resumed) await announceResume(context, resumed, note);
    else events.append({ kind: 'run_started', iteration: 0, runId: path.basename(runFolder) });
    if (input.resume && !resumed) announceStartingOver(events, note);
    await updateRun(runFolder, { status: 'running', message: null });
    const outcome = await train(context);
    await videos.drain();
    events.append({ kind: 'run_finished', iteration: state.iteration, status: outcome });
    log(outcome);
    return outcome;
  } catch (error) {
    appendQuietly(events, state.iteration, error);
    throw error;
  } finally {
    await control.close();
    await videos.close();
    events.close();
  }
}

/** Whoever watches the terminal sees each warning that goes into the log. */
function showingWarnings(events: EventLog, note: (text: string) => void): EventLog {
  return {
    ...events,
    append(body) {
      if (body.kind === 'warning') note(`warning: ${body.message} ${body.remedy}`);
      return events.append(body);
    },
  };
}

/** The failure belongs in the log of events, but must not be hidden by a log that cannot be written. */
function appendQuietly(events: EventLog, iteration: number, error: unknown): void {
  try {
    const message = error instanceof Error ? error.message : String(error);
    events.append({ kind: 'run_finished', iteration, status: 'failed', message });
  } catch {
    return;
  }
}

function pauseHook(runFolder: string, status: 'paused' | 'running', text: string, note: (text: string) => void): void {
  note(text);
  void updateRun(runFolder, { status }).catch((error: Error) => note(error.message));
}

/**
 * Brings the folder back to a checkpoint: later checkpoints, videos and events go, the policy is loaded. Null, and an
 * empty folder, when the run ended before it saved any.
 */
async function rewind(input: SessionInput, from: number | 'newest'): Promise<ResumePoint | null> {
  const { runFolder, policy } = input;
  const point = await newestValid(runFolder, from === 'newest' ? undefined : from);
  if (from !== 'newest' && point?.iteration !== from) throw noCheckpoint(runFolder, from, point);
  if (!point) {
    const damaged = await listCheckpoints(runFolder, { deep: true });
    if (damaged.length > 0) throw allDamaged(runFolder, damaged);
    await rm(runPaths(runFolder).events, { force: true });
    await discardVideosAfter(runFolder, -1);
    return null;
  }
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
  const remedy = nearest
    ? `The nearest one before it is ${nearest.iteration}: \`sage-grpo resume RUN --from ${nearest.iteration}\`.`
    : 'See `sage-grpo inspect RUN` for the checkpoints there are.';
  return new SageError('resume/no-checkpoint', `The run has no valid checkpoint of iteration ${from}.`, remedy, {
    place,
    exitCode: exitCodes.usage,
  });
}

function announceStartingOver(events: EventLog, note: (text: string) => void): void {
  events.append({ kind: 'run_resumed', iteration: 0, fromIteration: 0 });
  note('the run ended before its first checkpoint; starting over');
}

async function announceResume(
  context: TrainerContext,
  point: ResumePoint,
  note: (text: string) => void,
): Promise<void> {
  const { events, state } = context;
  const evaluated = state.evaluated?.iteration === point.iteration ? state.evaluated.reward : null;
  announceCheckpoint(context, evaluated);
  events.append({ kind: 'run_resumed', iteration: point.iteration, fromIteration: point.iteration });
  note(`resumed after iteration ${point.iteration}`);
  for (const { iteration, reason } of point.skipped) {
    const message = `The checkpoint of iteration ${iteration} is damaged and was passed over: ${reason}.`;
    const remedy = 'Check the disk. Training continues from the checkpoint before it.';
    events.append({ kind: 'warning', iteration: point.iteration, code: 'resume/damaged-checkpoint', message, remedy });
  }
}

function freshState(config: Config): TrainerState {
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

function restoreState(state: ResumePoint['state']): TrainerState {
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

async function flawlessReward(input: SessionInput): Promise<number | null> {
  const scores = await input.reward.flawless?.(input.prompts.evaluation);
  const rewards = scores?.map((score) => totalReward(input.config, score)).filter((value) => value !== null);
  return rewards?.length ? mean(rewards) : null;
}

function createLog(file: string): (text: string) => void {
  return (text) => {
    try {
      appendFileSync(file, `${new Date().toISOString()} ${text}\n`);
    } catch {
      // A log that cannot be written must not stop training; what failed the disk is reported where it matters.
    }
  };
}
