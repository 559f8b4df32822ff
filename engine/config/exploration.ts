import { analyticEqualizer } from '../method/equalizer.ts';
import { MethodError } from '../method/errors.ts';
import { excessEnergy, kernelNames, kernelTable, type KernelName, type KernelTable } from '../method/kernels.ts';
import { outputGradientNorm } from '../method/logprob.ts';
import { sigmaSchedule } from '../method/schedule.ts';
import { kernelOptions } from './rules-method.ts';
import type { Config } from './schema.ts';

/** What follows from one step of a kernel table; null where it is undefined. */
export interface StepReport {
  a: number;
  b: number;
  /** Standard deviation of the injected noise. */
  s: number;
  /** N_k = |b_k|/s_k. */
  outputGradientNorm: number | null;
  /** Analytic e_k. */
  equalizer: number | null;
  /** s_k²/Σ_k. */
  excessEnergy: number | null;
}

/** What follows from a kernel table, step by step. */
export function reportSteps(table: KernelTable): StepReport[] {
  const equalizer = analyticEqualizer(table);
  const energy = excessEnergy(table);
  return table.steps.map(({ a, b, s, ...step }, k) => ({
    ...{ a, b, s },
    outputGradientNorm: outputGradientNorm({ a, b, s, ...step }),
    equalizer: equalizer[k],
    excessEnergy: energy[k],
  }));
}

/** A kernel on a config's schedule, or why it cannot be used on it. */
export interface KernelPreview {
  kernel: KernelName;
  steps: (StepReport & { explored: boolean })[] | null;
  fault: string | null;
}

/** How a config explores: its schedule, and every exploration kernel at its η on it. */
export interface ExplorationPreview {
  /** `[T+1]` */
  sigmas: number[];
  /** The kernel that the config chooses. */
  kernel: KernelName;
  eta: number;
  sigmaMax: number;
  /** Explored steps that one sample trains on in a micro-batch; null: all of them. */
  stepsPerSample: number | null;
  /** Whether the equalizer weighs them, and how. */
  equalizer: Config['equalizer']['mode'];
  kernels: KernelPreview[];
}

/**
 * The kernels' tables for a config, by the functions that training uses.
 * @returns null where the chosen kernel itself is not valid on this schedule; the config's diagnostics say why
 */
export function previewExploration(config: Config): ExplorationPreview | null {
  const options = kernelOptions(config);
  const preview = (kernel: KernelName): KernelPreview => {
    try {
      const table = kernelTable({ ...options, kernel });
      const steps = reportSteps(table).map((step, k) => ({ ...step, explored: table.steps[k].explored }));
      return { kernel, steps, fault: null };
    } catch (error) {
      if (!(error instanceof MethodError)) throw error;
      return { kernel, steps: null, fault: error.message };
    }
  };
  const { sampling, exploration } = config;
  const shown = kernelNames.filter((kernel) => kernel !== 'ode' || kernel === exploration.kernel);
  const kernels = shown.map(preview);
  if (kernels.some(({ kernel, steps }) => kernel === exploration.kernel && steps === null)) return null;
  return {
    sigmas: sigmaSchedule(sampling.steps, sampling.shift),
    ...{ kernel: exploration.kernel, eta: exploration.eta, sigmaMax: exploration.sigma_max },
    stepsPerSample: config.training.steps_per_sample,
    equalizer: config.equalizer.mode,
    kernels,
  };
}
