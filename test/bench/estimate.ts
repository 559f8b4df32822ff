/**
 * What the estimates of the embedded model are worth: estimated over measured. As a program of its own it trains one
 * config and prints a JSON line, so that nothing else of the benchmark is in the process:
 *
 *   node test/bench/estimate.ts OVERRIDE…
 */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import os from 'node:os';
import { promisify } from 'node:util';
import { estimateConfig } from '../../engine/config/estimate/estimate.ts';
import { loadConfig } from '../../engine/config/load.ts';
import type { EventOf, RunEvent } from '../../engine/run/events.ts';
import { median, spread, type Spread } from './statistics.ts';
import { demoConfig, trainReal } from './training.ts';

/** What one run took. */
interface Measurement {
  /** Seconds of an iteration that writes no videos and follows none that does, and of an evaluation, medians. */
  iteration: number;
  evaluation: number;
  /** Seconds from the start of the process's run to its end. */
  run: number;
  /** Peak resident bytes; null where /proc does not say. */
  memory: number | null;
}

export interface EstimateResult {
  /** Estimated over measured, of each setup. */
  setups: { overrides: string[]; measured: Measurement; ratio: Record<keyof Measurement, number | null> }[];
  iteration: Spread;
  evaluation: Spread;
  run: Spread;
  memory: Spread | null;
}

/** The demo with other threads, batches and guidance. */
function setupsOf(iterations: number): string[][] {
  const short = [`training.iterations=${iterations}`, `evaluation.every=${Math.ceil(iterations / 2)}`];
  const setups = [
    [],
    ['policy.threads=1'],
    ['sampling.guidance=3'],
    ['rollout.prompts_per_iteration=16', 'rollout.generations=12', 'training.micro_batch=64'],
    ['training.micro_batch=8', 'training.accumulation=1', 'trust_region.anchor.mode=none'],
  ];
  const most = `policy.threads=${Math.min(2, os.availableParallelism())}`;
  return setups.map((own) => [...short, ...(own[0]?.startsWith('policy.threads') ? [] : [most]), ...own]);
}

/** Trains each setup in a process of its own. */
export async function measureEstimate(iterations: number): Promise<EstimateResult> {
  const setups: EstimateResult['setups'] = [];
  for (const overrides of setupsOf(iterations)) {
    const { stdout } = await promisify(execFile)(process.execPath, [import.meta.filename, ...overrides]);
    const measured = JSON.parse(stdout) as Measurement;
    const { seconds, memory } = estimateConfig(loadConfig(demoConfig, overrides).config);
    const ratio = {
      iteration: seconds.iteration / measured.iteration,
      evaluation: seconds.evaluation / measured.evaluation,
      run: seconds.run / measured.run,
      memory: measured.memory === null ? null : memory.total / measured.memory,
    };
    setups.push({ overrides, measured, ratio });
  }
  const of = (name: keyof Measurement) => setups.flatMap(({ ratio }) => ratio[name] ?? []);
  const memory = of('memory');
  return {
    setups,
    ...{ iteration: spread(of('iteration')), evaluation: spread(of('evaluation')), run: spread(of('run')) },
    memory: memory.length === 0 ? null : spread(memory),
  };
}

async function measure(overrides: readonly string[]): Promise<Measurement> {
  const started = performance.now();
  const { events } = await trainReal(overrides);
  const run = (performance.now() - started) / 1000;
  const all = events.filter((event) => event.kind === 'evaluation').map(({ seconds }) => seconds);
  return { iteration: median(quietIterations(events)), evaluation: median(all), run, memory: peakBytes() };
}

/** Seconds of the iterations whose cores no encoder shared: those after videos were written, but the first three. */
function quietIterations(events: readonly RunEvent[]): number[] {
  const wrote = new Set(events.flatMap((event) => (event.kind === 'rollouts' ? [event.iteration] : [])));
  const isQuiet = ({ iteration }: EventOf<'iteration'>) =>
    [0, 1, 2, 3].every((before) => !wrote.has(iteration - before));
  const iterations = events.filter((event) => event.kind === 'iteration');
  const quiet = iterations.filter(isQuiet);
  return (quiet.length > 0 ? quiet : iterations).map(({ seconds }) => seconds.total);
}

/** The kernel's own high-water mark. */
function peakBytes(): number | null {
  try {
    const found = /^VmHWM:\s+(\d+) kB/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1];
    return found === undefined ? null : Number(found) * 1024;
  } catch {
    return null;
  }
}

if (process.argv[1] === import.meta.filename) console.log(JSON.stringify(await measure(process.argv.slice(2))));
