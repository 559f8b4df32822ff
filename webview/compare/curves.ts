/** Series of several runs brought onto one axis, as charts of one line a run. */
import type { EvaluationSummary, Series } from '../../engine/protocol.ts';
import type { LineChart } from '../charts/model.ts';
import { smooth } from '../charts/smoothing.ts';
import type { RunLook } from './looks.ts';

/** What runs are compared over. */
export type Across = 'iteration' | 'update' | 'second';

/** A quantity of which each run has a curve. */
export interface Metric {
  id: string;
  title: string;
  axis: string;
  unit: string;
}

const known: readonly Metric[] = [
  { id: 'reward', title: 'Reward of rollouts', axis: 'mean reward', unit: '' },
  { id: 'evaluation', title: 'Evaluation reward', axis: 'mean reward', unit: '' },
  { id: 'distance', title: 'Manifold distance', axis: 'RMSE to the nearest real video', unit: '' },
  { id: 'driftReference', title: 'Drift from the pre-trained model', axis: 'velocity deviation', unit: '' },
  { id: 'driftAnchor', title: 'Drift from the anchor', axis: 'velocity deviation', unit: '' },
  {
    id: 'gradientImbalance',
    title: 'Gradient imbalance over timesteps',
    axis: 'largest over smallest norm',
    unit: '×',
  },
  {
    id: 'gradientImbalanceRaw',
    title: 'Gradient imbalance before the equalizer',
    axis: 'largest over smallest norm',
    unit: '×',
  },
  { id: 'clipFraction', title: 'Clip fraction', axis: 'share of ratios that were clipped', unit: '%' },
  { id: 'approxKl', title: 'KL to the rollout policy', axis: 'approximate KL', unit: '' },
  { id: 'beta', title: 'KL weight β', axis: 'β', unit: '' },
  { id: 'deadGroups', title: 'Dead groups', axis: 'groups whose rewards are equal', unit: '' },
  { id: 'secondsTotal', title: 'Time of an iteration', axis: 'seconds', unit: 's' },
];

/** The metrics of which at least one run has a value. */
export function metricsOf(series: readonly Series[], evaluations: readonly (readonly EvaluationSummary[])[]): Metric[] {
  const has = (id: string) => series.some(({ scalars }) => scalars[id]?.mean.some((value) => value !== null));
  const all = [...new Set(series.flatMap(({ scalars }) => Object.keys(scalars)))];
  const named = (kind: string, title: (name: string) => string) =>
    all
      .filter((id) => id.startsWith(`${kind}:`) && has(id))
      .map((id): Metric => {
        const name = id.slice(kind.length + 1);
        return { id, title: title(name), axis: `mean ${name}`, unit: '' };
      });
  const components = [
    ...named('component', (name) => `Reward component ${name}`),
    ...named('heldOut', (name) => `Held-out ${name}`),
  ];
  const own = known.filter(({ id }) => (id === 'evaluation' ? evaluations.some((list) => list.length > 0) : has(id)));
  const [first, rest] = [own.slice(0, 2), own.slice(2)];
  return [...first, ...components, ...rest];
}

/** Where the columns of a run lie: in iterations, or in updates or seconds of training that were done by then. */
export function positionsOf({ first, last, scalars }: Series, across: Across): number[] {
  if (across === 'iteration') return first.map((from, i) => (from + last[i]) / 2);
  if (across === 'update') {
    let before = 0;
    return first.map((_, i) => (before = Math.max(before, scalars.updates?.mean[i] ?? before)));
  }
  let done = 0;
  return first.map((from, i) => (done += (scalars.secondsTotal?.mean[i] ?? 0) * (last[i] - from + 1)));
}

/** Values at other places: between two by a straight line, none outside of the first and last. */
export function resample(
  at: readonly number[],
  values: readonly (number | null)[],
  wanted: readonly number[],
): (number | null)[] {
  const points = at
    .map((x, i) => [x, values[i]] as const)
    .filter((point): point is readonly [number, number] => point[1] !== null);
  let next = 0;
  return wanted.map((x) => {
    while (next < points.length && points[next][0] < x) next++;
    if (next === points.length) return null;
    const [right, high] = points[next];
    if (right === x) return high;
    if (next === 0) return null;
    const [left, low] = points[next - 1];
    return low + ((high - low) * (x - left)) / (right - left);
  });
}

/** Places at which curves are compared at most. */
const most = 1000;

/** The places of all lists, or evenly spaced ones where those would be too many. */
export function commonPlaces(lists: readonly (readonly number[])[]): number[] {
  const all = [...new Set(lists.flat())].sort((a, b) => a - b);
  if (all.length <= most) return all;
  const [low, high] = [all[0], all[all.length - 1]];
  return Array.from({ length: most }, (_, i) => low + (i * (high - low)) / (most - 1));
}

export interface ComparedRuns {
  looks: readonly RunLook[];
  series: readonly Series[];
  evaluations: readonly (readonly EvaluationSummary[])[];
}

/** The curve of a metric in each run, before they are brought onto one axis. */
function curvesOf(metric: Metric, across: Across, { series, evaluations }: ComparedRuns) {
  return series.map((own, run) => {
    const positions = positionsOf(own, across);
    if (metric.id !== 'evaluation') return { at: positions, values: own.scalars[metric.id]?.mean ?? [] };
    const list = evaluations[run];
    const places = list.map(({ iteration }) => iteration);
    // An evaluation counts iterations that are done; before the first, nothing was trained.
    const at = across === 'iteration' ? places : resample([0, ...own.last], [0, ...positions], places);
    const placed = list.map((evaluation, i) => ({ x: at[i], reward: evaluation.reward })).filter(({ x }) => x !== null);
    return { at: placed.map(({ x }) => x!), values: placed.map(({ reward }) => reward) };
  });
}

/** A chart of one metric, a line a run. */
export function chartOf(metric: Metric, across: Across, smoothing: number, runs: ComparedRuns): LineChart {
  const curves = curvesOf(metric, across, runs);
  const places = commonPlaces(curves.map(({ at }) => at));
  const smooths = metric.id === 'evaluation' ? 0 : smoothing;
  const lines = curves.map(({ at, values }, run) => {
    const raw = resample(at, values, places);
    const { id, label, colour, dash } = runs.looks[run];
    return {
      ...{ id, label, colour, dash, unit: metric.unit },
      values: smooths > 0 ? smooth(raw, smooths) : raw,
      ...(smooths > 0 ? { raw } : {}),
    };
  });
  return {
    id: metric.id.replace(':', '-'),
    title: metric.title,
    axis: metric.axis,
    over: across,
    columns: { first: places, last: places },
    lines,
  };
}

/** From the first to the last place of any run. */
export function extentOf(series: readonly Series[], across: Across): [number, number] {
  const ends = series.flatMap((own) => positionsOf(own, across).slice(-1));
  return [0, Math.max(1, ...ends)];
}
