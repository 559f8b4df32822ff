import { rmSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeEach } from 'vitest';
import { openWorker, type Worker, type WorkerSettings } from '../../engine/policy/torch/worker.ts';
import { workerCommand } from '../../engine/policy/torch/launch.ts';
import { findPython } from '../../engine/python.ts';

// One thread a process, as the tests of the worker's own have it, and the CPU also where there is a GPU.
process.env.OMP_NUM_THREADS = '1';
process.env.CUDA_VISIBLE_DEVICES = '';
process.env.HF_HUB_OFFLINE = '1';

const found = await findPython(['torch', 'safetensors']);

/** The Python of the tests, once `needsTorch` let a test through. */
export const python = found.python ?? 'python3';

/** Leaves out the tests of the surrounding suite where there is no Python with torch; the runner prints the reason. */
export function needsTorch(): void {
  beforeEach((context) => {
    if (found.python === null) context.skip('no Python here has torch and safetensors (sage-grpo setup-torch --cpu)');
  });
}

const workers = new Set<Worker>();
const folders: string[] = [];
afterAll(async () => {
  await Promise.all([...workers].map((worker) => worker.close()));
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

/** A folder of its own, gone after the file's tests. */
export function scratchFolder(): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'sage-torch-'));
  folders.push(folder);
  return folder;
}

/** What the Shapes model is loaded with. */
export const shapesSettings: WorkerSettings = {
  model: 'shapes',
  weights: null,
  sampling: { frames: 8, height: 32, width: 32 },
  precision: 'fp32',
  adapter: { kind: 'none', rank: 64, alpha: 128 },
  activationCheckpointing: false,
  guidanceBatching: 'auto',
  offloadAnchor: true,
  rowsPerPass: 4,
  seed: 5,
  reward: null,
};

/** Starts a real worker, ended after the file's tests. */
export async function startTestWorker(settings: Partial<WorkerSettings> = {}, devices = 1): Promise<Worker> {
  const worker = await openWorker(workerCommand(python, devices), { ...shapesSettings, ...settings });
  workers.add(worker);
  return worker;
}

/** |a − b| over the larger of the two. */
export function relative(a: number, b: number): number {
  return a === b ? 0 : Math.abs(a - b) / Math.max(Math.abs(a), Math.abs(b));
}
