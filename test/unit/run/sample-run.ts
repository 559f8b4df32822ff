import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import type { CheckpointState } from '../../../engine/run/checkpoint.ts';
import type { EventBody } from '../../../engine/run/events.ts';
import { createRun } from '../../../engine/run/folder.ts';
import type { Provenance } from '../../../engine/run/provenance.ts';

export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'sage-test-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

export const provenance: Provenance = {
  versions: { node: process.versions.node },
  commit: null,
  modified: null,
  host: 'here',
  platform: process.platform,
  cpu: 'some',
  cores: 2,
  memory: 1,
  devices: ['cpu'],
  seed: 42,
};

export const config = {
  name: 'shapes',
  seed: 42,
  exploration: { kernel: 'sage', eta: 0.5 },
  training: { iterations: 60 },
};

/** A new run in a temporary folder. */
export async function newRun(overrides: object = {}, name = 'shapes'): Promise<string> {
  const { folder } = await createRun(
    temporaryFolder(),
    name,
    'name: shapes\n',
    { ...config, ...overrides },
    provenance,
  );
  return folder;
}

export function iterationEvent(iteration: number, stepCount = 9): EventBody {
  const value = 1 / (iteration + 3);
  const steps = Array.from({ length: stepCount }, (_, k) => ({
    k,
    ratio: 1 + value / 1000,
    ratioDeviation: value / 100,
    approxKl: value / 7,
    clipFraction: value,
    gradientNormRaw: value * (k + 1),
    gradientNorm: value,
    analyticNorm: k + 1,
    equalizer: 1 / (k + 1),
    klAnchor: value / 3,
    klStep: value / 9,
    driftReference: value / 11,
    driftAnchor: null,
    excessEnergy: 1,
  }));
  return {
    kind: 'iteration',
    iteration,
    reward: { mean: 0.4 + iteration / 100, std: 0.1, min: 0.1, max: 0.9 },
    components: { VQ: 0.5, MQ: 0.4, TA: 0.6 },
    distance: 0.1,
    deadGroups: 0,
    unscored: 0,
    advantageAbsMean: 0.8,
    steps,
    firstReplayRatioDeviation: 0,
    loss: -value,
    beta: 1e-6,
    learningRate: 1e-4,
    updates: iteration * 4,
    updateNorm: value,
    gradientNorm: value,
    anchorRefreshes: 0,
    skippedUpdates: 0,
    seconds: { rollout: 0.5, decode: 0.1, score: 0.1, update: 1, other: 0.05, total: 1.75 },
    peakMemory: 5e8,
  };
}

export function evaluationEvent(iteration: number, reward: number, best = false): EventBody {
  const components = { VQ: reward, MQ: reward, TA: reward };
  return {
    kind: 'evaluation',
    iteration,
    reward,
    rewardStd: 0.1,
    components,
    distance: 0.2 - reward / 10,
    videos: 144,
    unscored: 0,
    ceiling: 0.95,
    seconds: 2,
    best,
  };
}

export function warningEvent(iteration: number, message = 'a warning 🎬 with ünïcode\nand <b>lines</b>'): EventBody {
  return { kind: 'warning', iteration, code: 'test/sample', message, remedy: 'none' };
}

export function stateOf(iteration: number, eventSeq = 0): CheckpointState {
  return {
    iteration,
    updates: iteration * 4,
    seed: 42,
    klController: { beta: 1e-6 },
    equalizer: null,
    best: null,
    eventSeq,
  };
}

/** Starts a script of children/ with the Node that runs the tests. */
export function startChild(name: string, ...argv: string[]): ChildProcess {
  const script = join(import.meta.dirname, 'children', name);
  // Node before 22.18 strips types only when asked to.
  const flags = process.features.typescript ? [] : ['--experimental-strip-types'];
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', ...flags, script, ...argv], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  return child;
}

/** The next output of a child that contains `text`. */
export function sees(child: ChildProcess, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let seen = '';
    child.stdout!.on('data', (chunk: Buffer) => {
      seen += chunk.toString();
      if (seen.includes(text)) resolve(seen);
    });
    child.once('exit', (code, signal) => reject(new Error(`child ended (${code ?? signal}) after: ${seen}`)));
  });
}

export function ended(child: ChildProcess): Promise<number | null> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve(child.exitCode);
  return new Promise((resolve) => child.once('exit', (code) => resolve(code)));
}

/** Flips one bit of a file. */
export async function flipBit(file: string, byte: number, bit: number): Promise<void> {
  const bytes = await readFile(file);
  bytes[byte] ^= 1 << bit;
  await writeFile(file, bytes);
}

/** A disk of its own, so small that it fills up. */
export function smallDisk(kilobytes: number): { folder: string; makeReadOnly(): void } {
  const folder = join(temporaryFolder(), 'disk');
  mkdirSync(folder);
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${kilobytes}k`, 'tmpfs', folder]);
  onTestFinished(() => void execFileSync('umount', ['-l', folder]));
  return { folder, makeReadOnly: () => void execFileSync('mount', ['-o', 'remount,ro', folder]) };
}
