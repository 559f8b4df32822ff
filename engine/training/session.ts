import { appendFileSync } from 'node:fs';
import path from 'node:path';
import type { Config } from '../config/schema.ts';
import { exploredSteps } from '../method/kernels.ts';
import { cleanCheckpoints, type ResumePoint } from '../run/checkpoint.ts';
import { openControl } from '../run/control.ts';
import { cleanTemporaries } from '../run/disk.ts';
import { openEventLog, type EventLog } from '../run/event-log.ts';
import type { SettingChange } from '../run/events.ts';
import { runPaths, updateRun } from '../run/folder.ts';
import { takeLock, type RunLock } from '../run/lock.ts';
import { train, type TrainOutcome } from '../trainer.ts';
import { checkpoint } from './checkpointing.ts';
import type { Progress, TrainerContext } from './context.ts';
import type { Parts } from './create.ts';
import { createGate } from './gate.ts';
import { mean } from './observe.ts';
import type { RunPrompts } from './prompts.ts';
import { announceResume, announceStartingOver, freshState, restoreState, rewind } from './resume.ts';
import { keepChanges } from './resume-changes.ts';
import { evaluationTable, lossSettings, rolloutTable, totalReward } from './settings.ts';

/** What a person or a program that watches gives to a session. */
export interface SessionHooks {
  progress(progress: Progress): void;
  /** One line for the terminal; it goes to engine.log too. */
  note(text: string): void;
  /** Called once with the function that ends training after the current iteration, with a checkpoint. */
  onInterrupt(stop: () => void): void;
  /** Called once, when training is about to begin and the control socket is open. */
  onStart?(): void;
}

export interface SessionInput {
  runFolder: string;
  config: Config;
  prompts: RunPrompts;
  /** They stay the caller's, who closes them after the session. */
  parts: Parts;
  hooks: SessionHooks;
  /** The run's lock, where it is held already; the session gives it free. */
  lock?: RunLock | null;
  /**
   * Resume after this checkpoint, or from the newest valid one with `newest`, which starts over a run that had no time
   * to save one; absent for a new run.
   */
  resume?: {
    from: number | 'newest';
    /** What `config` holds that the run's record does not yet. */
    changes?: readonly SettingChange[];
  };
}

/**
 * Trains a run in its folder until it is finished, stopped or fails, and leaves run.json, the events and the lock as
 * they must be in each case.
 */
export async function runSession(input: SessionInput): Promise<TrainOutcome> {
  const { runFolder } = input;
  const lock = input.lock ?? (await takeLock(runFolder));
  const log = createLog(runPaths(runFolder).log);
  input.parts.logTo(runPaths(runFolder).log);
  try {
    await cleanTemporaries(runFolder);
    await cleanCheckpoints(runFolder);
    // A run that cannot be brought back to a checkpoint stays as it is, with its status.
    const resumed = input.resume ? await rewind(input.resume, input) : null;
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
    const changes = input.resume ? await keepChanges(resumed, input.resume, input) : [];
    const outcome = await trainLocked(resumed, changes, input, log);
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
  changes: SettingChange[],
  input: SessionInput,
  log: (text: string) => void,
): Promise<TrainOutcome> {
  const { runFolder, config, hooks } = input;
  const { policy, reward, videos } = input.parts;
  const note = (text: string) => {
    log(text);
    hooks.note(text);
  };
  const events = showingWarnings(await openEventLog(runPaths(runFolder).events), note);
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
    reward,
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
    if (resumed) await announceResume(context, resumed, changes, note);
    else events.append({ kind: 'run_started', iteration: 0, runId: path.basename(runFolder) });
    if (input.resume && !resumed) announceStartingOver(events, changes, note);
    await updateRun(runFolder, { status: 'running', message: null });
    hooks.onStart?.();
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

async function pauseHook(
  runFolder: string,
  status: 'paused' | 'running',
  text: string,
  note: (text: string) => void,
): Promise<void> {
  await updateRun(runFolder, { status });
  note(text);
}

async function flawlessReward(input: SessionInput): Promise<number | null> {
  const scores = await input.parts.reward.flawless?.(input.prompts.evaluation);
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
