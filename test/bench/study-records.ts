import { appendFileSync, existsSync, mkdirSync, readFileSync, truncateSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import type { EventOf, RunEvent } from '../../engine/run/events.ts';
import { kernels, setupKey, trustRegions, type StudyKernel, type StudySetup } from './study-design.ts';
import { imbalance, mean, median } from './statistics.ts';

/** Raw numbers of the study, one run a line. */
export const resultsFile = path.join(import.meta.dirname, 'results', 'study.jsonl');

const evaluation = z.object({
  reward: z.number(),
  components: z.record(z.string(), z.number()),
  distance: z.number().nullable(),
});

const setupSchema = z.object({
  phase: z.enum(['tune', 'compare']),
  kernel: z.enum(kernels),
  eta: z.number(),
  equalizer: z.enum(['analytic', 'none']),
  trustRegion: z.enum(trustRegions),
  seed: z.number(),
  iterations: z.number(),
  prompts: z.number(),
  generations: z.number(),
  steps: z.number(),
  start: z.string(),
});

const outcomeSchema = z.object({
  first: evaluation,
  last: evaluation,
  /** Reward of flawless videos. */
  ceiling: z.number().nullable(),
  /** Manifold distance of the rollouts, mean of the last 5 iterations. */
  rolloutDistance: z.number().nullable(),
  /** max/min over the steps that an iteration trains of the parameter gradient's norm, median over iterations. */
  imbalanceRaw: z.number().nullable(),
  imbalanceEqualized: z.number().nullable(),
  /** By step k, null where it was never trained: medians over the iterations that trained it. */
  gradientNormByStep: z
    .object({ raw: z.array(z.number().nullable()), equalized: z.array(z.number().nullable()) })
    .optional(),
  /** By iteration: mean reward and manifold distance of the rollouts. */
  rewardCurve: z.array(z.number()),
  distanceCurve: z.array(z.number().nullable()),
  skippedUpdates: z.number(),
  seconds: z.number(),
});

const recordSchema = z.union([
  z.object({ setup: setupSchema, outcome: outcomeSchema }),
  z.object({ setup: setupSchema, failed: z.string() }),
]);

export type StudyOutcome = z.infer<typeof outcomeSchema>;
export type StudyRecord = z.infer<typeof recordSchema>;
/** A run that ended. */
export interface StudyResult {
  setup: StudySetup;
  outcome: StudyOutcome;
}

/** What the study keeps of a run. */
export function outcomeOf(events: readonly RunEvent[], seconds: number): StudyOutcome {
  const evaluations = events.filter((event) => event.kind === 'evaluation');
  const iterations = events.filter((event) => event.kind === 'iteration');
  const [first, last] = [evaluations[0], evaluations.at(-1)!];
  const brief = ({ reward, components, distance }: EventOf<'evaluation'>) => ({ reward, components, distance });
  // An iteration may train some of the steps only.
  const lastStep = Math.max(...iterations.flatMap(({ steps }) => steps.map(({ k }) => k)));
  const byStep = (field: 'gradientNormRaw' | 'gradientNorm') =>
    Array.from({ length: lastStep + 1 }, (_, k) =>
      medianOf(iterations.map(({ steps }) => steps.find((step) => step.k === k)?.[field] ?? null)),
    );
  const unevenness = (field: 'gradientNormRaw' | 'gradientNorm') =>
    medianOf(iterations.map(({ steps }) => imbalance(steps.map((step) => step[field]))));
  const distances = iterations.slice(-5).flatMap(({ distance }) => (distance === null ? [] : [distance]));
  return {
    first: brief(first),
    last: brief(last),
    ceiling: first.ceiling,
    rolloutDistance: distances.length > 0 ? mean(distances) : null,
    imbalanceRaw: unevenness('gradientNormRaw'),
    imbalanceEqualized: unevenness('gradientNorm'),
    gradientNormByStep: { raw: byStep('gradientNormRaw'), equalized: byStep('gradientNorm') },
    rewardCurve: iterations.map(({ reward }) => reward.mean),
    distanceCurve: iterations.map(({ distance }) => distance),
    skippedUpdates: iterations.reduce((sum, { skippedUpdates }) => sum + skippedUpdates, 0),
    seconds,
  };
}

function medianOf(values: readonly (number | null)[]): number | null {
  const known = values.filter((value) => value !== null);
  return known.length > 0 ? median(known) : null;
}

/** Records of a results file; none when it is missing. A last line that was cut off is left out. */
export function readRecords(file: string): StudyRecord[] {
  if (!existsSync(file)) return [];
  const lines = readFileSync(file, 'utf8').split('\n');
  const whole = lines.slice(0, -1).filter((line) => line !== '');
  return whole.map((line, i) => {
    try {
      return recordSchema.parse(JSON.parse(line));
    } catch (cause) {
      throw new Error(`line ${i + 1} of ${file} is not a record of the study`, { cause });
    }
  });
}

/** Adds a run in one write, after cutting off a last line that a killed study left unfinished. */
export function appendRecord(file: string, record: StudyRecord): void {
  mkdirSync(path.dirname(file), { recursive: true });
  const bytes = existsSync(file) ? readFileSync(file) : Buffer.alloc(0);
  const whole = bytes.lastIndexOf(10) + 1;
  if (whole < bytes.length) truncateSync(file, whole);
  appendFileSync(file, `${JSON.stringify(record)}\n`);
}

/** The newest record of each setup among those that ended. */
export function resultsOf(records: readonly StudyRecord[]): StudyResult[] {
  const byKey = new Map<string, StudyResult>();
  for (const record of records) if ('outcome' in record) byKey.set(setupKey(record.setup), record);
  return [...byKey.values()];
}

/** η of each kernel: the best mean reward of the final evaluation over the tuning seeds, the smaller η where equal. */
export function tunedEtas(results: readonly StudyResult[]): Partial<Record<StudyKernel, number>> {
  const best: Partial<Record<StudyKernel, number>> = {};
  for (const kernel of kernels) {
    const tuning = results.filter(({ setup }) => setup.phase === 'tune' && setup.kernel === kernel);
    const byEta = [...Map.groupBy(tuning, ({ setup }) => setup.eta)].sort(([a], [b]) => a - b);
    let most = Number.NEGATIVE_INFINITY;
    for (const [eta, runs] of byEta) {
      const reward = mean(runs.map(({ outcome }) => outcome.last.reward));
      if (reward > most) [most, best[kernel]] = [reward, eta];
    }
  }
  return best;
}
