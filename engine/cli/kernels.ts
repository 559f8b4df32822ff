import { reportSteps, type StepReport } from '../config/exploration.ts';
import { exitCodes, SageError } from '../errors.ts';
import { MethodError } from '../method/errors.ts';
import { kernelTable, type KernelName } from '../method/kernels.ts';
import { figure, table as textTable } from './output.ts';

export interface KernelsOptions {
  kernel: string;
  steps: number;
  shift: number;
  eta: number;
  sigmaMax: number;
  lastStep: string;
  clampBothEnds: boolean;
}

/** What `sage-grpo kernels --json` prints; null where a value is undefined. */
export interface KernelsReport {
  sigmas: number[];
  steps: StepReport[];
}

/** The kernel table of a schedule with what follows from it. */
export function kernelsReport(options: KernelsOptions): KernelsReport {
  try {
    const table = kernelTable({
      ...options,
      kernel: options.kernel as KernelName,
      lastStep: options.lastStep as 'ode' | 'noise',
    });
    return { sigmas: table.sigmas, steps: reportSteps(table) };
  } catch (error) {
    if (!(error instanceof MethodError)) throw error;
    // The method speaks of config keys; here they are flags.
    const flag = `--${error.key.split('.').at(-1)?.replaceAll('_', '-')}`;
    throw new SageError(`kernels/${error.code}`, error.message, `Try ${flag} ${error.nearest}.`, {
      exitCode: exitCodes.usage,
    });
  }
}

/** The report as a table for a terminal. */
export function kernelsText({ sigmas, steps }: KernelsReport): string {
  return textTable(
    ['k', 'sigma', 'next', 'a', 'b', 's', '|b|/s', 'equalizer', 'excess energy'],
    steps.map((step, k) => [
      String(k),
      figure(sigmas[k]),
      figure(sigmas[k + 1]),
      figure(step.a, 6),
      figure(step.b, 6),
      figure(step.s, 6),
      figure(step.outputGradientNorm),
      figure(step.equalizer),
      figure(step.excessEnergy, 3),
    ]),
  );
}
