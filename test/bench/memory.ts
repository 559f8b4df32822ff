import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { packageRoot } from '../../engine/package-root.ts';

export interface DemoResult {
  /** Peak resident bytes of the whole process (VmHWM of the kernel); null where /proc does not say. */
  peakBytes: number | null;
  wallSeconds: number;
  exitCode: number | null;
  /** Iterations of the run; null is the demo as it is. */
  iterations: number | null;
  /** Last lines of what it printed: the result that the demo shows. */
  result: string;
}

/** Runs the demo in a folder of its own and watches its resident memory. */
export async function measureDemo(iterations: number | null): Promise<DemoResult> {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'sage-bench-'));
  const overrides =
    iterations === null
      ? []
      : [`training.iterations=${iterations}`, `evaluation.every=${iterations}`, `checkpoints.every=${iterations}`];
  const started = performance.now();
  const child = spawn(process.execPath, [path.join(packageRoot(), 'engine', 'demo.ts'), ...overrides], {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (output += chunk.toString()));
  let peakBytes: number | null = null;
  const sample = () => (peakBytes = Math.max(peakBytes ?? 0, peakOf(child.pid) ?? 0) || null);
  const timer = setInterval(sample, 100);
  const exitCode = await new Promise<number | null>((resolve) => child.on('close', resolve));
  clearInterval(timer);
  const wallSeconds = (performance.now() - started) / 1000;
  await rm(folder, { recursive: true, force: true });
  const lines = output.replaceAll(folder, '.').trim().split('\n');
  const shown = lines.slice(lines.findLastIndex((line) => line.startsWith('evaluation reward')));
  const kept = exitCode === 0 ? shown : lines.slice(-5);
  return { peakBytes, wallSeconds, exitCode, iterations, result: kept.join('\n') };
}

/** The kernel keeps the highest resident size itself, so that sampling misses nothing but the last moment. */
function peakOf(pid: number | undefined): number | null {
  try {
    const kilobytes = /^VmHWM:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
    return kilobytes === undefined ? null : Number(kilobytes) * 1024;
  } catch {
    return null;
  }
}
