/** Charts of a run's series: which numbers stand in which chart, under which name and unit. */
import type { EvaluationSummary, RunView, ScalarName, Series, StepName } from '../../engine/protocol.ts';
import type { HeatMap, Line, LineChart, Values } from '../charts/index.ts';
import { smooth } from '../charts/smoothing.ts';

export interface Drawing {
  series: Series;
  /** Weight of the past in the moving average; 0: none. */
  smoothing: number;
}

/** The mean of a scalar over each column; nothing where it never was measured. */
export function means({ scalars, first }: Series, name: ScalarName): Values {
  return scalars[name]?.mean ?? first.map(() => null);
}

export function wasMeasured(values: Values): boolean {
  return values.some((value) => value !== null);
}

type LineStyle = Pick<Line, 'label' | 'colour'> & Partial<Pick<Line, 'unit' | 'axis' | 'dashed' | 'band'>>;

/** A scalar as a line, smoothed with its measured values behind. */
export function scalarLine({ series, smoothing }: Drawing, name: ScalarName, style: LineStyle): Line {
  const values = means(series, name);
  const raw = smoothing > 0 ? { raw: values } : {};
  return { id: name, unit: '', ...style, values: smooth(values, smoothing), ...raw };
}

export type BandChoice = 'range' | 'std' | 'none';

export function rewardChart(drawing: Drawing, evaluations: readonly EvaluationSummary[], band: BandChoice): LineChart {
  const { series } = drawing;
  const mean = means(series, 'reward');
  const std = means(series, 'rewardStd');
  const around = (sign: 1 | -1) =>
    mean.map((value, i) => (value === null || std[i] === null ? null : value + sign * std[i]));
  const bands: Record<BandChoice, Line['band']> = {
    none: undefined,
    range: {
      label: 'least to greatest of a rollout',
      low: series.scalars.rewardMin?.min ?? [],
      high: series.scalars.rewardMax?.max ?? [],
    },
    std: { label: 'standard deviation over rollouts', low: around(-1), high: around(1) },
  };
  const ceiling = evaluations.at(-1)?.ceiling ?? null;
  return {
    id: 'reward',
    title: 'Reward',
    axis: 'Reward',
    columns: series,
    lines: [
      scalarLine(drawing, 'reward', { label: 'Rollouts, mean', colour: 1, band: bands[band] }),
      ...evaluationLine(evaluations, 'reward', 'Evaluation'),
    ],
    levels: ceiling === null ? [] : [{ value: ceiling, label: 'Flawless videos' }],
  };
}

function evaluationLine(evaluations: readonly EvaluationSummary[], name: 'reward' | 'distance', label: string): Line[] {
  const known = evaluations.filter((evaluation) => evaluation[name] !== null);
  if (known.length === 0) return [];
  const values = known.map((evaluation) => evaluation[name]);
  return [
    { id: `evaluation-${name}`, label, unit: '', colour: 2, values, at: known.map(({ iteration }) => iteration) },
  ];
}

export function componentsChart(drawing: Drawing): LineChart {
  const names = Object.keys(drawing.series.scalars).filter((name) => name.startsWith('component:'));
  return {
    id: 'components',
    title: 'Reward components',
    axis: 'Mean over rollouts',
    columns: drawing.series,
    lines: names.map((name, i) =>
      scalarLine(drawing, name as ScalarName, {
        label: name.slice('component:'.length),
        colour: (i % 6) + 1,
        dashed: i % 2 === 1,
      }),
    ),
  };
}

/** One chart for each metric that is only watched, with the reward beside it: one that falls while the reward rises tells. */
export function heldOutCharts(drawing: Drawing, evaluations: readonly EvaluationSummary[]): LineChart[] {
  const ofRollouts = Object.keys(drawing.series.scalars).filter((name) => name.startsWith('heldOut:'));
  const ofEvaluations = evaluations.flatMap(({ heldOut }) => Object.keys(heldOut ?? {}));
  const names = [...new Set([...ofRollouts.map((id) => id.slice('heldOut:'.length)), ...ofEvaluations])];
  return names.map((name) => ({
    id: `heldOut:${name}`,
    title: `${name}, held out`,
    axis: name,
    rightAxis: 'Reward',
    columns: drawing.series,
    lines: [
      scalarLine(drawing, `heldOut:${name}`, { label: `${name} of rollouts, mean`, colour: 1 }),
      ...heldOutLine(evaluations, name),
      scalarLine(drawing, 'reward', { label: 'Reward of rollouts, mean', colour: 3, dashed: true, axis: 'right' }),
    ],
  }));
}

function heldOutLine(evaluations: readonly EvaluationSummary[], name: string): Line[] {
  const known = evaluations.flatMap(({ iteration, heldOut }) => {
    const value = heldOut !== undefined && Object.hasOwn(heldOut, name) ? heldOut[name] : null;
    return value === null ? [] : [{ iteration, value }];
  });
  if (known.length === 0) return [];
  const values = known.map(({ value }) => value);
  const at = known.map(({ iteration }) => iteration);
  return [{ id: `evaluation-heldOut:${name}`, label: `${name} of evaluations`, unit: '', colour: 2, values, at }];
}

export function distanceChart(drawing: Drawing, evaluations: readonly EvaluationSummary[]): LineChart {
  return {
    id: 'distance',
    title: 'Distance to the manifold',
    axis: 'RMSE of pixel values',
    columns: drawing.series,
    lines: [
      scalarLine(drawing, 'distance', { label: 'Rollouts, mean', colour: 1 }),
      ...evaluationLine(evaluations, 'distance', 'Evaluation'),
    ],
  };
}

export function lostChart({ series }: Drawing): LineChart {
  const exact = { series, smoothing: 0 };
  return {
    id: 'lost',
    title: 'Groups and videos that teach nothing',
    axis: 'Count in an iteration',
    columns: series,
    lines: [
      scalarLine(exact, 'deadGroups', { label: 'Dead groups', colour: 5 }),
      scalarLine(exact, 'unscored', { label: 'Unscored videos', colour: 4, dashed: true }),
    ],
  };
}

export function imbalanceChart(drawing: Drawing): LineChart {
  return {
    id: 'imbalance',
    title: 'Imbalance of gradients over steps',
    axis: 'Largest over smallest norm',
    columns: drawing.series,
    lines: [
      scalarLine(drawing, 'gradientImbalanceRaw', { label: 'Before equalization', colour: 2, unit: '×', dashed: true }),
      scalarLine(drawing, 'gradientImbalance', { label: 'After equalization', colour: 1, unit: '×' }),
    ],
    levels: [{ value: 1, label: 'Balanced' }],
  };
}

export function clipChart(drawing: Drawing): LineChart {
  return {
    id: 'clip',
    title: 'Clipped probability ratios',
    axis: 'Clipped terms',
    share: true,
    columns: drawing.series,
    lines: [scalarLine(drawing, 'clipFraction', { label: 'Clip fraction, mean over steps', colour: 1, unit: '%' })],
  };
}

export function firstReplayChart({ series }: Drawing): LineChart {
  return {
    id: 'first-replay',
    title: 'Ratio at the first replay',
    axis: 'Greatest |ratio − 1|',
    columns: series,
    lines: [
      scalarLine({ series, smoothing: 0 }, 'firstReplayRatioDeviation', { label: 'Deviation from 1', colour: 1 }),
    ],
  };
}

export function updateChart(drawing: Drawing): LineChart {
  return {
    id: 'updates',
    title: 'Gradient and update norms',
    axis: 'L2 norm',
    columns: drawing.series,
    lines: [
      scalarLine(drawing, 'gradientNorm', { label: 'Gradient', colour: 1 }),
      scalarLine(drawing, 'updateNorm', { label: 'Update of the parameters', colour: 2, dashed: true }),
    ],
  };
}

export function driftChart(drawing: Drawing, anchors: RunView['anchors']): LineChart {
  return {
    id: 'drift',
    title: 'Mean drift of the velocity',
    axis: 'Relative squared deviation',
    columns: drawing.series,
    lines: [
      scalarLine(drawing, 'driftReference', { label: 'From the pre-trained model', colour: 1 }),
      scalarLine(drawing, 'driftAnchor', { label: 'From the anchor', colour: 2, dashed: true }),
    ],
    marks: { label: 'the anchor was refreshed', at: [...new Set(anchors.map(({ iteration }) => iteration))] },
  };
}

export function klChart(drawing: Drawing): LineChart {
  return {
    id: 'kl',
    title: 'KL divergence and its weight β',
    axis: 'KL, nats',
    rightAxis: 'β',
    columns: drawing.series,
    lines: [
      scalarLine(drawing, 'klAnchor', { label: 'KL to the anchor', colour: 1, unit: 'nats' }),
      scalarLine(drawing, 'klStep', { label: 'KL of a step', colour: 3, unit: 'nats', dashed: true }),
      scalarLine({ ...drawing, smoothing: 0 }, 'beta', { label: 'β', colour: 2, axis: 'right' }),
    ],
  };
}

export function timeChart(drawing: Drawing): LineChart {
  const stages = [
    ['secondsRollout', 'Rollouts'],
    ['secondsDecode', 'Decoding'],
    ['secondsScore', 'Scoring'],
    ['secondsUpdate', 'Updates'],
    ['secondsOther', 'Other'],
  ] as const;
  return {
    id: 'time',
    title: 'Time of an iteration by stage',
    axis: 'Seconds',
    columns: drawing.series,
    lines: stages.map(([name, label], i) =>
      scalarLine(drawing, name, { label, colour: i + 1, unit: 's', dashed: i % 2 === 1 }),
    ),
  };
}

export function memoryChart({ series }: Drawing): LineChart {
  const gibibytes = means(series, 'peakMemory').map((bytes) => (bytes === null ? null : bytes / 2 ** 30));
  return {
    id: 'memory',
    title: 'Memory of the trainer',
    axis: 'GiB',
    columns: series,
    lines: [{ id: 'peakMemory', label: 'Resident memory, peak', unit: 'GiB', colour: 1, values: gibibytes }],
  };
}

const heatMaps = {
  gradientNormRaw: ['Gradient norm before equalization', 'norm'],
  gradientNorm: ['Gradient norm after equalization', 'norm'],
  driftReference: ['Drift from the pre-trained model', 'relative squared deviation'],
  driftAnchor: ['Drift from the anchor', 'relative squared deviation'],
} as const satisfies Partial<Record<StepName, readonly [string, string]>>;
export type HeatName = keyof typeof heatMaps;

export function heatMapOf(series: Series, name: HeatName): HeatMap {
  const [title, value] = heatMaps[name];
  const columns = { first: series.first, last: series.last };
  return { id: name, title, value, unit: '', columns, steps: series.steps, cells: series.stepValues[name] ?? [] };
}

/** The column that holds an iteration, or the last before it; −1 when there is none. */
export function columnAt({ first }: Series, iteration: number): number {
  return first.findLastIndex((from) => from <= iteration);
}

/** Values of the steps that were explored in a column. */
function explored(series: Series, column: number, names: readonly StepName[]) {
  const rows = series.steps.map((k, row) => ({
    k,
    values: names.map((name) => series.stepValues[name]?.[row]?.[column] ?? null),
  }));
  return rows.filter(({ values }) => wasMeasured(values));
}

/** The steps of one iteration: measured norms beside what the analysis says they are proportional to. */
export function stepChart(series: Series, column: number): LineChart {
  const rows = explored(series, column, ['gradientNormRaw', 'gradientNorm', 'analyticNorm', 'equalizer']);
  const steps = rows.map(({ k }) => k);
  const of = (i: number) => rows.map(({ values }) => values[i]);
  const scaled = scaledTo(of(2), of(0));
  return {
    id: 'steps',
    title: 'Gradient norms of one iteration over steps',
    axis: 'Norm',
    rightAxis: 'Weight e_k',
    over: 'step',
    columns: { first: steps, last: steps },
    lines: [
      { id: 'raw', label: 'Before equalization', unit: '', colour: 2, values: of(0), dashed: true },
      { id: 'equalized', label: 'After equalization', unit: '', colour: 1, values: of(1) },
      { id: 'analytic', label: 'Analytic N_k, scaled to the measured', unit: '', colour: 3, values: scaled },
      {
        id: 'equalizer',
        label: 'Equalizer weight e_k',
        unit: '×',
        colour: 4,
        values: of(3),
        dashed: true,
        axis: 'right',
      },
    ],
  };
}

/** A curve times a factor that gives it the geometric mean of another, so that their shapes can be compared. */
export function scaledTo(values: Values, other: Values): Values {
  const both = values.flatMap((value, i) => {
    const beside = other[i];
    return value !== null && value > 0 && beside !== null && beside > 0 ? [Math.log(beside / value)] : [];
  });
  if (both.length === 0) return values;
  const factor = Math.exp(both.reduce((sum, log) => sum + log, 0) / both.length);
  return values.map((value) => (value === null ? null : value * factor));
}

/** Mean of what was measured at each step, over all columns. */
export function energyChart(series: Series): LineChart {
  const rows = series.steps.map((k, row) => {
    const known = (series.stepValues.excessEnergy?.[row] ?? []).filter((value) => value !== null);
    return { k, mean: known.length === 0 ? null : known.reduce((sum, value) => sum + value, 0) / known.length };
  });
  const steps = rows.map(({ k }) => k);
  return {
    id: 'energy',
    title: 'Excess exploration energy over steps',
    axis: 's_k² / Σ_k',
    over: 'step',
    columns: { first: steps, last: steps },
    lines: [{ id: 'excessEnergy', label: 's_k² / Σ_k', unit: '×', colour: 1, values: rows.map(({ mean }) => mean) }],
    levels: [{ value: 1, label: 'As much noise as the process carries' }],
  };
}
