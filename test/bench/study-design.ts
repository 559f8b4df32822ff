import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { weightsFolder } from '../../engine/shapes/weights.ts';

export const kernels = ['sage', 'flow_grpo', 'dance_grpo', 'cps'] as const;
export type StudyKernel = (typeof kernels)[number];
export const equalizers = ['analytic', 'none'] as const;
export type StudyEqualizer = (typeof equalizers)[number];
/**
 * moving: a moving anchor and the stepwise term; strong: the same with `strongBeta`; fixed: the pre-trained model as
 * anchor; none: no trust region.
 */
export const trustRegions = ['moving', 'strong', 'fixed', 'none'] as const;
export type StudyTrustRegion = (typeof trustRegions)[number];
/** β of `strong`, constant. The paper's 1e-5 is chosen for another model and hardly pulls at this one. */
export const strongBeta = 1;

/** What a run of the study may spend. All runs of a study spend the same. */
export interface StudyBudget {
  iterations: number;
  /** P and G: `prompts · generations` rollouts an iteration. */
  prompts: number;
  generations: number;
  /** T */
  steps: number;
  etas: Record<StudyKernel, number[]>;
  tuneSeeds: number[];
  /** Seeds of the kernels under the whole method (equalizer on, moving anchor and stepwise term). */
  mainSeeds: number[];
  /** Seeds of every other cell, the first of `mainSeeds`. */
  otherSeeds: number[];
}

const seeds = (first: number, count: number) => Array.from({ length: count }, (_, i) => first + i);

export const budgets: Record<'small' | 'full', StudyBudget> = {
  small: {
    iterations: 30,
    prompts: 4,
    generations: 8,
    steps: 8,
    etas: {
      sage: [0.2, 0.35, 0.5, 0.8, 1.2, 1.6, 2.0],
      flow_grpo: [0.4, 0.8, 1.2, 1.6],
      dance_grpo: [0.5, 0.8, 1.2, 1.6, 2.0],
      cps: [0.3, 0.5, 0.7, 0.9],
    },
    tuneSeeds: seeds(901, 2),
    mainSeeds: seeds(1, 5),
    otherSeeds: seeds(1, 3),
  },
  full: {
    iterations: 60,
    prompts: 4,
    generations: 8,
    steps: 10,
    etas: {
      sage: [0.3, 0.6, 1.0, 1.4],
      flow_grpo: [0.3, 0.6, 1.0, 1.4],
      dance_grpo: [0.3, 0.6, 1.0, 1.4],
      cps: [0.2, 0.3, 0.5, 0.8],
    },
    tuneSeeds: seeds(901, 2),
    mainSeeds: seeds(1, 5),
    otherSeeds: seeds(1, 3),
  },
};

/** One run: everything that decides its outcome. */
export interface StudySetup {
  phase: 'tune' | 'compare';
  kernel: StudyKernel;
  eta: number;
  equalizer: StudyEqualizer;
  trustRegion: StudyTrustRegion;
  seed: number;
  iterations: number;
  prompts: number;
  generations: number;
  steps: number;
  /** Fingerprint of the embedded model and of the demo's config, from which runs start. */
  start: string;
}

/** Identity of a run in the results. */
export function setupKey(setup: StudySetup): string {
  const { phase, kernel, eta, equalizer, trustRegion, seed, iterations, prompts, generations, steps, start } = setup;
  const spent = `${iterations}x${prompts}x${generations}xT${steps}`;
  return [phase, kernel, eta, equalizer, trustRegion, seed, spent, start].join('/');
}

/** Whether a setup is of the main comparison. */
export function isMain({ phase, equalizer, trustRegion }: StudySetup): boolean {
  return phase === 'compare' && equalizer === 'analytic' && trustRegion === 'moving';
}

/** Fingerprint of what all runs start from, so that results of another model are never mixed in. */
export function startFingerprint(configFile: string): string {
  const hash = createHash('sha256');
  const weights = ['policy.safetensors', 'decoder.safetensors', 'update.onnx'];
  for (const file of [...weights.map((name) => path.join(weightsFolder(), name)), configFile])
    hash.update(readFileSync(file));
  return hash.digest('hex').slice(0, 12);
}

const wholeMethod = { equalizer: 'analytic', trustRegion: 'moving' } as const;

/** Runs that choose η: every kernel's grid on seeds of their own, under the whole method. */
export function tuningRuns(budget: StudyBudget, start: string): StudySetup[] {
  return budget.tuneSeeds.flatMap((seed) =>
    kernels.flatMap((kernel) =>
      budget.etas[kernel].map((eta) => setup(budget, start, { phase: 'tune', kernel, eta, ...wholeMethod, seed })),
    ),
  );
}

/** Runs of the comparison: the main cells first, seed by seed, so that a study that is cut short is still balanced. */
export function comparisonRuns(
  budget: StudyBudget,
  start: string,
  etas: Readonly<Record<StudyKernel, number>>,
): StudySetup[] {
  const runs: StudySetup[] = [];
  const add = (kernel: StudyKernel, equalizer: StudyEqualizer, trustRegion: StudyTrustRegion, seed: number) =>
    runs.push(setup(budget, start, { phase: 'compare', kernel, eta: etas[kernel], equalizer, trustRegion, seed }));
  for (const seed of budget.mainSeeds)
    for (const kernel of kernels) add(kernel, wholeMethod.equalizer, wholeMethod.trustRegion, seed);
  for (const seed of budget.otherSeeds)
    for (const equalizer of equalizers)
      for (const trustRegion of trustRegions)
        for (const kernel of kernels)
          if (equalizer !== wholeMethod.equalizer || trustRegion !== wholeMethod.trustRegion)
            add(kernel, equalizer, trustRegion, seed);
  return runs;
}

function setup(
  budget: StudyBudget,
  start: string,
  cell: Pick<StudySetup, 'phase' | 'kernel' | 'eta' | 'equalizer' | 'trustRegion' | 'seed'>,
): StudySetup {
  const { iterations, prompts, generations, steps } = budget;
  return { ...cell, iterations, prompts, generations, steps, start };
}
