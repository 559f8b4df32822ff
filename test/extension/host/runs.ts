/** Runs for suites inside the extension host, trained through the extension, and what their folders say. */
import assert from 'node:assert/strict';
import { cpSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after } from 'mocha';
import * as vscode from 'vscode';
import type { RunRecord } from '../../../engine/run/record.ts';
import { eventually, folder, isAlive } from './studio.ts';

/** Trains in about two seconds. */
export const tiny = `name: tiny
seed: 7
policy: { model: shapes, threads: 1 }
prompts: all
sampling: { steps: 4 }
exploration: { kernel: sage, eta: 0.5 }
rollout: { prompts_per_iteration: 2, generations: 2 }
training: { iterations: 4, micro_batch: 2 }
evaluation: { every: 2, videos_per_prompt: 1, max_videos: 4 }
checkpoints: { every: 2, keep: 2 }
videos: { every: 2, per_prompt: 1, evaluation: 1 }
`;

const made: string[] = [];
const launched: string[] = [];

/** Writes a config into the open folder; it is gone after the suites. */
export function writeConfig(name: string, text = tiny): vscode.Uri {
  const file = path.join(folder(), `${name}.sage.yaml`);
  writeFileSync(file, text);
  made.push(file);
  return vscode.Uri.file(file);
}

export const runsFolder = (): string => path.join(folder(), 'runs');
export const runFolder = (run: string): string => path.join(runsFolder(), run);

/** Folders in the folder of runs, hidden ones left out. */
export function runNames(): string[] {
  if (!existsSync(runsFolder())) return [];
  return readdirSync(runsFolder()).filter((name) => !name.startsWith('.'));
}

export function recordOf(run: string): RunRecord {
  return JSON.parse(readFileSync(path.join(runFolder(run), 'run.json'), 'utf8')) as RunRecord;
}

type Event = Record<string, unknown> & { seq: number; kind: string; iteration: number };

/** The whole lines of the log. */
export function eventsOf(run: string): Event[] {
  const lines = readFileSync(path.join(runFolder(run), 'events.jsonl'), 'utf8').split('\n');
  return lines.slice(0, -1).map((line) => JSON.parse(line) as Event);
}

/** Iterations in the log, and the reward of the last one. */
export function progressOf(run: string): { iterations: number; reward: number } {
  const last = eventsOf(run).findLast(({ kind }) => kind === 'iteration');
  return { iterations: last?.iteration ?? 0, reward: (last?.reward as { mean: number } | undefined)?.mean ?? NaN };
}

/** Iterations of whole checkpoints, the first one first. */
export function checkpointsOf(run: string): number[] {
  const place = path.join(runFolder(run), 'checkpoints');
  if (!existsSync(place)) return [];
  const whole = readdirSync(place).filter((name) => existsSync(path.join(place, name, 'manifest.json')));
  return whole.map(Number).toSorted((a, b) => a - b);
}

/** The process that has a run; null: none lives. */
export async function trainerOf(run: string): Promise<number | null> {
  try {
    const { pid } = JSON.parse(readFileSync(path.join(runFolder(run), 'lock'), 'utf8')) as { pid: number };
    return (await isAlive(pid)) ? pid : null;
  } catch {
    return null;
  }
}

export async function comesToStatus(run: string, status: RunRecord['status']): Promise<void> {
  await eventually(`${run} is ${status}`, () => {
    const now = recordOf(run);
    assert.equal(now.status, status, now.message ?? undefined);
    return true;
  });
}

/** Launches as a person does who has said yes. @returns the run's id */
export async function launch(name: string, ...overrides: string[]): Promise<string> {
  const config = writeConfig(name, tiny.replace('name: tiny', `name: ${name}`));
  const run = await vscode.commands.executeCommand<string | undefined>('sage.launch', {
    ...{ config, overrides, confirm: false },
  });
  assert.ok(run, 'nothing was launched');
  launched.push(run);
  return run;
}

/** Copies a run under another id, with changes in its record; it is gone after the suites. @returns that id */
export function copyRun(run: string, id: string, changes: Partial<RunRecord> = {}): string {
  made.push(runFolder(id));
  cpSync(runFolder(run), runFolder(id), { recursive: true });
  const record = { ...recordOf(run), created: '2020-01-02T00:00:00.000Z', ...changes, id };
  writeFileSync(path.join(runFolder(id), 'run.json'), JSON.stringify(record));
  return id;
}

/** More iterations than any test waits for. */
export const endless = 100_000;

let finished: string | null = null;
/** A run of four iterations that has finished; the same for all who ask. */
export async function finishedRun(): Promise<string> {
  if (finished !== null && existsSync(runFolder(finished))) return finished;
  finished = await launch('short');
  await comesToStatus(finished, 'finished');
  return finished;
}

let long: string | null = null;
/** A run that trains until `restLongRun`; the same for all who ask while a trainer has it. */
export async function longRun(): Promise<string> {
  if (long === null || (await trainerOf(long)) === null) long = await launch('long', `training.iterations=${endless}`);
  if (recordOf(long).status === 'paused') await vscode.commands.executeCommand('sage.continue', long);
  await comesToStatus(long, 'running');
  return long;
}

/** Has the long run wait, so that it takes no time from other tests. */
export async function restLongRun(): Promise<void> {
  if (long === null || (await trainerOf(long)) === null) return;
  await vscode.commands.executeCommand('sage.pause', long);
  await comesToStatus(long, 'paused');
}

/** Ends the trainer of a run by SIGKILL. */
export async function killTrainer(run: string): Promise<void> {
  const pid = await trainerOf(run);
  if (pid === null) return;
  process.kill(pid, 'SIGKILL');
  await eventually('the trainer is gone', async () => !(await isAlive(pid)));
}

after(async () => {
  for (const run of launched) {
    await killTrainer(run);
    made.push(runFolder(run));
  }
  for (const file of made) rmSync(file, { force: true, recursive: true });
});
