import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, expect, vi } from 'vitest';
import { canMount } from '../support/needs.ts';

/** The program as its users start it. */
export const program = path.resolve(import.meta.dirname, '../../engine/cli.ts');

// Each test starts several programs; on a busy machine that takes its time.
vi.setConfig({ testTimeout: 600_000, hookTimeout: 600_000 });

const folders: string[] = [];
const disks: string[] = [];
const children = new Set<ChildProcess>();

afterAll(() => {
  for (const child of children) child.kill('SIGKILL');
  for (const disk of disks) spawnSync('umount', ['-l', disk]);
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

/** A folder of its own, gone after the file's tests. The name is short: sockets do not take long paths. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'sage-e2e-'));
  folders.push(folder);
  return folder;
}

/** How a program ended. */
export interface Ended {
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
  /** Both streams, in the order of arrival. */
  text: string;
}

/** A program that runs. */
export interface Running {
  pid: number;
  child: ChildProcess;
  /** What it has printed so far. */
  text(): string;
  /** Waits until it has printed something; fails when it ends before. Returns all that was printed. */
  prints(pattern: string | RegExp): Promise<string>;
  ended: Promise<Ended>;
  alive(): boolean;
}

export interface StartOptions {
  cwd?: string;
  uid?: number;
  env?: NodeJS.ProcessEnv;
  /** A process group of its own, as a terminal makes one. */
  group?: boolean;
}

/** Starts any program. */
export function launch(command: string, argv: readonly string[], options: StartOptions = {}): Running {
  const child = spawn(command, argv, {
    cwd: options.cwd,
    env: { ...process.env, ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: options.group ?? false,
    ...(options.uid === undefined ? {} : { uid: options.uid, gid: options.uid }),
  });
  children.add(child);
  const printed = { stdout: '', stderr: '', text: '' };
  const watchers = new Set<() => void>();
  for (const stream of ['stdout', 'stderr'] as const) {
    child[stream]!.setEncoding('utf8').on('data', (chunk: string) => {
      printed[stream] += chunk;
      printed.text += chunk;
      for (const watcher of watchers) watcher();
    });
  }
  const ended = new Promise<Ended>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => {
      children.delete(child);
      resolve({ code, signal, ...printed });
      for (const watcher of watchers) watcher();
    });
  });
  const alive = () => child.exitCode === null && child.signalCode === null;
  const prints = (pattern: string | RegExp) =>
    new Promise<string>((resolve, reject) => {
      const look = () => {
        if (typeof pattern === 'string' ? printed.text.includes(pattern) : pattern.test(printed.text)) {
          watchers.delete(look);
          resolve(printed.text);
        } else if (!children.has(child)) {
          watchers.delete(look);
          reject(new Error(`the program ended before it printed ${pattern}; it printed:\n${printed.text}`));
        }
      };
      watchers.add(look);
      look();
    });
  return { pid: child.pid!, child, text: () => printed.text, prints, ended, alive };
}

/** Starts sage-grpo. */
export function start(argv: readonly string[], options: StartOptions = {}): Running {
  return launch(process.execPath, [program, ...argv], options);
}

/** Runs sage-grpo to its end. */
export function sage(argv: readonly string[], options: StartOptions = {}): Promise<Ended> {
  return start(argv, options).ended;
}

/** Writes a config that trains in about two seconds; blocks given replace its own. Returns the file. */
export function tinyConfig(folder: string, blocks: Record<string, unknown> = {}, name = 'tiny'): string {
  const config = {
    name,
    seed: 7,
    policy: { model: 'shapes', threads: 1 },
    prompts: 'all',
    sampling: { steps: 4 },
    exploration: { kernel: 'sage', eta: 0.5 },
    rollout: { prompts_per_iteration: 2, generations: 2 },
    training: { iterations: 6, micro_batch: 2 },
    // Five updates an interval and six an iteration: anchors are refreshed inside iterations, between checkpoints.
    trust_region: { anchor: { mode: 'moving', interval: 5 } },
    evaluation: { every: 3, videos_per_prompt: 1, max_videos: 4 },
    checkpoints: { every: 2, keep: 2 },
    videos: { every: 4, per_prompt: 1, evaluation: 1 },
    ...blocks,
  };
  const file = path.join(folder, `${name}.sage.yaml`);
  writeFileSync(file, JSON.stringify(config, null, 2));
  return file;
}

/** The one run in a folder of runs. */
export function onlyRun(runs: string): string {
  const names = readdirSync(runs).filter((name) => !name.startsWith('.'));
  if (names.length !== 1) throw new Error(`${runs} holds ${names.length} runs: ${names.join(', ')}`);
  return path.join(runs, names[0]);
}

/** Trains to the end and returns the run folder. */
export async function trained(config: string, runs: string): Promise<string> {
  const { code, text } = await sage(['train', config, '--runs', runs]);
  if (code !== 0) throw new Error(`training ended with ${code}:\n${text}`);
  return onlyRun(runs);
}

/** Trains a tiny config in a folder of its own to the end and returns the run folder. */
export function trainedTiny(blocks: Record<string, unknown>): Promise<string> {
  const folder = temporaryFolder();
  return trained(tinyConfig(folder, blocks), path.join(folder, 'runs'));
}

/** Starts training of a tiny config, whose one run will be in `runs`. */
export function startTiny(
  blocks: Record<string, unknown>,
  flags: readonly string[] = [],
): { trainer: Running; runs: string } {
  const folder = temporaryFolder();
  const runs = path.join(folder, 'runs');
  return { trainer: start(['train', tinyConfig(folder, blocks), '--runs', runs, ...flags]), runs };
}

type Event = Record<string, unknown> & { seq: number; kind: string; iteration: number };

/** The whole lines of a run's event log, parsed; none while there is no log. */
export function eventsOf(runFolder: string): Event[] {
  let text: string;
  try {
    text = readFileSync(path.join(runFolder, 'events.jsonl'), 'utf8');
  } catch {
    return [];
  }
  const lines = text.split('\n').slice(0, -1);
  return lines.map((line) => JSON.parse(line) as Event);
}

/** What a resume leaves in the log that an uninterrupted run has not. */
const ofResumes = ['run_resumed', 'control'];
const measuredAnew = /^(time|seq|peakMemory|.*seconds.*)$/i;

/** The events of a run without what may differ between two runs of the same seed. */
export function historyOf(runFolder: string, leftOut: readonly string[] = []): unknown[] {
  const kept = eventsOf(runFolder).filter(({ kind }) => !ofResumes.includes(kind) && !leftOut.includes(kind));
  const strip = (_: string, value: unknown) =>
    value !== null && typeof value === 'object' && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value).filter(([key]) => !measuredAnew.test(key)))
      : value;
  // The id differs when the same config was launched twice.
  return kept.map((event) => ({ ...JSON.parse(JSON.stringify(event, strip)), runId: undefined }));
}

/** sha256 of every file under a folder, by relative path. */
export function sumsOf(folder: string): Record<string, string> {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const files = entries.map((entry) => path.join(entry.parentPath, entry.name)).sort();
  return Object.fromEntries(
    files.map((file) => [
      path.relative(folder, file),
      createHash('sha256').update(readFileSync(file)).digest('hex').slice(0, 16),
    ]),
  );
}

/** Weights, anchor and optimizer of a checkpoint, by sha256. */
export function weightsOf(runFolder: string, iteration: number): Record<string, string> {
  const sums = sumsOf(checkpointFolder(runFolder, iteration));
  return Object.fromEntries(Object.entries(sums).filter(([name]) => name.endsWith('.safetensors')));
}

export function checkpointFolder(runFolder: string, iteration: number): string {
  return path.join(runFolder, 'checkpoints', String(iteration).padStart(6, '0'));
}

/** Iterations of the checkpoints there are. */
export function checkpointsOf(runFolder: string): number[] {
  return readdirSync(path.join(runFolder, 'checkpoints'))
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .sort((a, b) => a - b);
}

export function recordOf(runFolder: string): { id: string; status: string; message: string | null } {
  return JSON.parse(readFileSync(path.join(runFolder, 'run.json'), 'utf8'));
}

/** Files that a write in progress leaves when it is cut off. Those of the lock may stay for a minute. */
export function leftoversOf(runFolder: string): string[] {
  return Object.keys(sumsOf(runFolder)).filter((file) => /\.tmp-|\.partial$/.test(file) && !file.startsWith('lock.'));
}

/** That a run which was killed and resumed has ended to the bit as one that was not, and left nothing behind. */
export function expectSameRun(runFolder: string, uninterrupted: string): void {
  const last = checkpointsOf(uninterrupted).at(-1)!;
  expect(weightsOf(runFolder, last)).toEqual(weightsOf(uninterrupted, last));
  expect(Object.keys(weightsOf(runFolder, last))).toContain('optimizer.safetensors');
  expect(historyOf(runFolder)).toEqual(historyOf(uninterrupted));
  for (const videos of ['rollouts', 'evaluations'])
    expect(sumsOf(path.join(runFolder, videos))).toEqual(sumsOf(path.join(uninterrupted, videos)));
  expect(leftoversOf(runFolder)).toEqual([]);
  expect(recordOf(runFolder)).toMatchObject({ status: 'finished', message: null });
}

export const isRoot = process.platform === 'linux' && process.getuid?.() === 0;

/** Mounts a tmpfs; null where that is not allowed. */
export function mountDisk(options: string): { folder: string; remount(options: string): void } | null {
  if (!canMount) return null;
  const folder = path.join(temporaryFolder(), 'disk');
  mkdirSync(folder);
  if (spawnSync('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', folder]).status !== 0) return null;
  disks.push(folder);
  const remount = (changed: string) => {
    const { status, stderr } = spawnSync('mount', ['-o', `remount,${changed}`, folder], { encoding: 'utf8' });
    if (status !== 0) throw new Error(stderr);
  };
  return { folder, remount };
}

/** Resolves when a condition holds. It is looked at every few milliseconds. */
export async function until(condition: () => boolean, milliseconds = 2): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, milliseconds));
}

export function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
