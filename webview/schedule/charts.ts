/** Charts of how a config explores: which numbers stand in which chart, under which name and unit. */
import type { ExplorationPreview, KernelPreview, StepReport } from '../../engine/protocol.ts';
import type { Columns, Line, LineChart } from '../charts/index.ts';

/** A colour and a dash for each kernel, the same in every chart. */
const looks: Record<KernelPreview['kernel'], { colour: number; dashed: boolean }> = {
  sage: { colour: 1, dashed: false },
  flow_grpo: { colour: 2, dashed: false },
  dance_grpo: { colour: 3, dashed: true },
  cps: { colour: 4, dashed: true },
  ode: { colour: 5, dashed: false },
};

function columnsOf(count: number): Columns {
  const steps = Array.from({ length: count }, (_, k) => k);
  return { first: steps, last: steps };
}

/** A value of every kernel that can be used, over the steps that it explores. */
function kernelLines({ kernels, kernel: chosen }: ExplorationPreview, value: (step: StepReport) => number | null) {
  return kernels.flatMap(({ kernel, steps }): Line[] =>
    steps === null
      ? []
      : [
          {
            ...{
              id: kernel,
              label: kernel === chosen ? `${kernel} (this config)` : kernel,
              unit: '',
              ...looks[kernel],
            },
            values: steps.map((step) => (step.explored ? value(step) : null)),
          },
        ],
  );
}

/** σ of the rollouts: T+1 levels. */
export function sigmaChart({ sigmas }: ExplorationPreview): LineChart {
  return {
    ...{ id: 'sigma', title: 'Sigma schedule', axis: 'σ before step k', over: 'step' },
    columns: columnsOf(sigmas.length),
    lines: [{ id: 'sigma', label: 'σ', unit: '', colour: 1, values: sigmas }],
  };
}

/** s_k: the standard deviation of the noise that each kernel injects. */
export function noiseChart(preview: ExplorationPreview): LineChart {
  return {
    ...{ id: 'noise', title: 'Injected noise', axis: 'Standard deviation s', over: 'step' },
    columns: columnsOf(preview.sigmas.length - 1),
    lines: kernelLines(preview, ({ s }) => s),
  };
}

/** s_k²/Σ_k: 1 is what the true process would inject over the step. */
export function energyChart(preview: ExplorationPreview): LineChart {
  return {
    ...{ id: 'energy', title: 'Excess exploration energy', axis: 's² / Σ', over: 'step' },
    columns: columnsOf(preview.sigmas.length - 1),
    lines: kernelLines(preview, ({ excessEnergy }) => excessEnergy),
    levels: [{ value: 1, label: 'Exact' }],
  };
}

/** N_k = |b_k|/s_k: how large a step's gradient is before the equalizer, by the kernel alone. */
export function gradientChart(preview: ExplorationPreview): LineChart {
  return {
    ...{ id: 'gradient', title: 'Analytic gradient norm', axis: 'N = |b| / s', over: 'step' },
    columns: columnsOf(preview.sigmas.length - 1),
    lines: kernelLines(preview, ({ outputGradientNorm }) => outputGradientNorm),
  };
}

/** e_k: the weights by which all steps learn alike. */
export function equalizerChart(preview: ExplorationPreview): LineChart {
  return {
    ...{ id: 'equalizer', title: 'Equalizer weight', axis: 'e', over: 'step' },
    columns: columnsOf(preview.sigmas.length - 1),
    lines: kernelLines(preview, ({ equalizer }) => equalizer),
  };
}
