import type { EventOf } from '../run/events.ts';
import { binMean, meanOf } from './bins.ts';
import type { Bin, Iteration } from './bins.ts';
import { rounded } from './chart-types.ts';
import type { LineChart, Series } from './chart-types.ts';

type Evaluation = EventOf<'evaluation'>;
type StepField = Exclude<keyof Iteration['steps'][number], 'k'>;

/** All curves of a report; those without a single value are left out. */
export function buildCharts(bins: Bin[], evaluations: Evaluation[]): LineChart[] {
  const charts = [
    rewardChart(bins, evaluations),
    componentChart(bins, evaluations),
    ...heldOutCharts(bins, evaluations),
    distanceChart(bins, evaluations),
    klChart(bins),
    betaChart(bins),
    imbalanceChart(bins),
    normChart(bins),
    secondsChart(bins),
  ];
  return charts
    .map((chart) => ({ ...chart, series: chart.series.filter((series) => series.y.some((value) => value !== null)) }))
    .filter((chart) => chart.series.length > 0);
}

/** Largest over smallest gradient norm of the steps of one iteration: 1 when all steps pull equally. */
export function gradientImbalance(iteration: Iteration, field: 'gradientNormRaw' | 'gradientNorm'): number | null {
  const norms = iteration.steps.map((step) => step[field]).filter((norm) => norm !== null && norm > 0) as number[];
  return norms.length < 2 ? null : Math.max(...norms) / Math.min(...norms);
}

function rewardChart(bins: Bin[], evaluations: Evaluation[]): LineChart {
  return {
    id: 'reward',
    title: 'Reward',
    reading:
      'Rollouts explore with noise, so they score below evaluations, which do not. Band: ± one standard deviation.',
    scale: 'linear',
    unit: '',
    series: [
      {
        ...line(bins, 'rollouts', 0, (i) => i.reward.mean),
        low: bins.map((bin) => rounded(binMean(bin, (i) => i.reward.mean - i.reward.std))),
        high: bins.map((bin) => rounded(binMean(bin, (i) => i.reward.mean + i.reward.std))),
      },
      points(evaluations, 'evaluation', 1, (e) => e.reward),
    ],
  };
}

function componentChart(bins: Bin[], evaluations: Evaluation[]): LineChart {
  const source = evaluations.length > 1 ? evaluations : bins.flatMap((bin) => bin.members);
  const names = [...new Set(source.flatMap((event) => Object.keys(event.components)))];
  return {
    id: 'components',
    title: 'Reward components',
    reading:
      evaluations.length > 1
        ? 'Means over the evaluation videos, before their weights in the reward.'
        : 'Means over the rollouts, before their weights in the reward.',
    scale: 'linear',
    unit: '',
    series: names.map((name, tone) =>
      evaluations.length > 1
        ? points(evaluations, name, tone, (e) => e.components[name])
        : line(bins, name, tone, (i) => i.components[name]),
    ),
  };
}

/** One chart for each metric that is only watched, since each has a scale of its own. */
function heldOutCharts(bins: Bin[], evaluations: Evaluation[]): LineChart[] {
  const events = [...evaluations, ...bins.flatMap((bin) => bin.members)];
  const names = [...new Set(events.flatMap((event) => Object.keys(event.heldOut ?? {})))];
  return names.map((name) => ({
    id: `held-out-${name}`,
    title: `${name}, held out`,
    reading: 'Only watched, no part of the reward. If it falls while the reward rises, the reward is being hacked.',
    scale: 'linear',
    unit: '',
    series: [
      line(bins, 'rollouts', 0, (i) => ownOf(i.heldOut, name)),
      points(evaluations, 'evaluation', 1, (e) => ownOf(e.heldOut, name)),
    ],
  }));
}

function ownOf(values: Record<string, number> | undefined, name: string): number | null {
  return values !== undefined && Object.hasOwn(values, name) ? values[name] : null;
}

function distanceChart(bins: Bin[], evaluations: Evaluation[]): LineChart {
  return {
    id: 'distance',
    title: 'Distance to the manifold',
    reading:
      'How far videos are from the nearest real one. Lower is better; rising reward with rising distance is hacking.',
    scale: 'linear',
    unit: 'RMSE',
    series: [line(bins, 'rollouts', 0, (i) => i.distance), points(evaluations, 'evaluation', 1, (e) => e.distance)],
  };
}

function klChart(bins: Bin[]): LineChart {
  return {
    id: 'kl',
    title: 'KL divergence',
    reading: 'Means over the steps. Anchor: position control; stepwise: velocity control.',
    scale: 'log',
    unit: '',
    series: [
      line(bins, 'from the anchor', 0, (i) => positive(meanStep(i, 'klAnchor'))),
      line(bins, 'stepwise', 1, (i) => positive(meanStep(i, 'klStep'))),
    ],
  };
}

function betaChart(bins: Bin[]): LineChart {
  return {
    id: 'beta',
    title: 'Trust region strength β',
    reading: 'Multiplies both KL terms of the loss; the controller moves it.',
    scale: 'log',
    unit: '',
    series: [line(bins, 'β', 0, (i) => positive(i.beta))],
  };
}

function imbalanceChart(bins: Bin[]): LineChart {
  return {
    id: 'imbalance',
    title: 'Gradient imbalance over steps',
    reading: 'Largest over smallest gradient norm of the explored steps: 1 means that every step pulls equally.',
    scale: 'log',
    unit: '×',
    series: [
      line(bins, 'before equalization', 4, (i) => gradientImbalance(i, 'gradientNormRaw')),
      line(bins, 'after equalization', 0, (i) => gradientImbalance(i, 'gradientNorm')),
    ],
  };
}

function normChart(bins: Bin[]): LineChart {
  return {
    id: 'norms',
    title: 'Gradient and update norm',
    reading: 'Gradient of an update before clipping, and how far the update moved the weights.',
    scale: 'log',
    unit: '',
    series: [
      line(bins, 'gradient', 0, (i) => positive(i.gradientNorm)),
      line(bins, 'update', 1, (i) => positive(i.updateNorm)),
    ],
  };
}

const stages = ['rollout', 'decode', 'score', 'update', 'other'] as const;

function secondsChart(bins: Bin[]): LineChart {
  const below = bins.map(() => 0);
  const series = stages.map((stage, tone): Series => {
    const own = bins.map((bin) => binMean(bin, (i) => i.seconds[stage]) ?? 0);
    const low = below.map(rounded);
    own.forEach((value, i) => (below[i] += value));
    return {
      name: stage,
      x: bins.map((bin) => bin.at),
      y: own.map(rounded),
      low,
      high: below.map(rounded),
      mark: 'area',
      tone,
    };
  });
  return {
    id: 'seconds',
    title: 'Seconds per iteration',
    reading: 'Where the time goes, stage upon stage.',
    scale: 'linear',
    unit: 's',
    series,
  };
}

function line(bins: Bin[], name: string, tone: number, value: (i: Iteration) => number | null | undefined): Series {
  return {
    name,
    x: bins.map((bin) => bin.at),
    y: bins.map((bin) => rounded(binMean(bin, value))),
    mark: 'line',
    tone,
  };
}

function points(events: Evaluation[], name: string, tone: number, value: (e: Evaluation) => number | null): Series {
  return {
    name,
    x: events.map((event) => event.iteration),
    y: events.map((event) => rounded(value(event) ?? null)),
    mark: 'points',
    tone,
  };
}

function meanStep(iteration: Iteration, field: StepField): number | null {
  return meanOf(iteration.steps.map((step) => step[field]));
}

/** A logarithmic scale has no place for zero or less. */
function positive(value: number | null): number | null {
  return value !== null && value > 0 ? value : null;
}
