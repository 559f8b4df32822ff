import type { HealthFinding } from '../protocol/view.ts';
import type { EventOf, RunEvent } from '../run/events.ts';
import type { Iteration } from './bins.ts';
import { formatNumber, formatPercent } from './format.ts';
import { gradientImbalance } from './series.ts';

type Evaluation = EventOf<'evaluation'>;
export type Verdict = 'better' | 'worse' | 'same';

/** One number of the first evaluation against the last. */
export interface Comparison {
  name: string;
  note: string;
  before: number;
  after: number;
  /** Which way is good. */
  better: 'higher' | 'lower';
  verdict: Verdict;
}

/** A number that tells whether the run can be trusted; what is wrong with it, the findings of `engine/health` say. */
export interface HealthItem {
  name: string;
  value: string;
  state: 'good' | 'attention' | 'plain';
  note: string;
}

/** Changes smaller than this share of the larger value are called none. */
const noticeable = 0.005;

export function verdictOf(before: number, after: number, better: 'higher' | 'lower'): Verdict {
  const change = after - before;
  if (Math.abs(change) <= noticeable * Math.max(Math.abs(before), Math.abs(after))) return 'same';
  return change > 0 === (better === 'higher') ? 'better' : 'worse';
}

/** Reward, components and distance of the first evaluation against the last; empty with fewer than two. */
export function compareEvaluations(evaluations: Evaluation[]): Comparison[] {
  if (evaluations.length < 2) return [];
  const [first, last] = [evaluations[0], evaluations[evaluations.length - 1]];
  const compare = (name: string, note: string, before: number, after: number, better: 'higher' | 'lower') => ({
    name,
    note,
    before,
    after,
    better,
    verdict: verdictOf(before, after, better),
  });
  const rows = [compare('Reward', 'weighted sum of the components', first.reward, last.reward, 'higher')];
  for (const name of Object.keys(first.components)) {
    if (!(name in last.components)) continue;
    rows.push(compare(name, componentNames[name] ?? '', first.components[name], last.components[name], 'higher'));
  }
  for (const [name, before] of Object.entries(first.heldOut ?? {})) {
    if (last.heldOut === undefined || !Object.hasOwn(last.heldOut, name)) continue;
    rows.push(compare(name, 'held out: only watched', before, last.heldOut[name], 'higher'));
  }
  if (first.distance !== null && last.distance !== null) {
    rows.push(compare('Manifold distance', 'from the nearest real video', first.distance, last.distance, 'lower'));
  }
  return rows;
}

const componentNames: Record<string, string> = { VQ: 'visual quality', MQ: 'motion quality', TA: 'text alignment' };

/** Share of the room between the first evaluation and flawless videos that the last one closed; null where unknown. */
export function roomClosed(evaluations: Evaluation[]): { share: number; ceiling: number } | null {
  if (evaluations.length < 2) return null;
  const [first, last] = [evaluations[0], evaluations[evaluations.length - 1]];
  const ceiling = last.ceiling ?? first.ceiling;
  if (ceiling === null || ceiling <= first.reward) return null;
  return { share: (last.reward - first.reward) / (ceiling - first.reward), ceiling };
}

/** What the run shows, in a sentence or two, whatever it shows. */
export function sentenceOf(evaluations: Evaluation[]): string {
  if (evaluations.length === 0) return 'This run has not been evaluated yet.';
  if (evaluations.length === 1) {
    const { reward, iteration } = evaluations[0];
    return `The reward was ${formatNumber(reward)} at iteration ${iteration}; a second evaluation will show what training changed.`;
  }
  const rows = compareEvaluations(evaluations);
  const reward = rows[0];
  const span = evaluations[evaluations.length - 1].iteration - evaluations[0].iteration;
  const over = `over ${span} ${span === 1 ? 'iteration' : 'iterations'}`;
  const room = roomClosed(evaluations);
  const closed =
    room && reward.verdict === 'better'
      ? `, closing ${formatPercent(room.share)} of the room left to flawless videos`
      : '';
  const first =
    reward.verdict === 'same'
      ? `The reward stayed at ${formatNumber(reward.after)} ${over}.`
      : `The reward ${moved(reward)} ${over}${closed}.`;
  const distance = rows.find((row) => row.better === 'lower');
  if (!distance) return first;
  if (distance.verdict === 'same')
    return `${first} Videos are as far from the manifold as before (${formatNumber(distance.after)}).`;
  const where = distance.verdict === 'better' ? 'closer to' : 'farther from';
  const range = `${formatNumber(distance.before)} → ${formatNumber(distance.after)}`;
  const link = reward.verdict === 'better' && distance.verdict === 'worse' ? 'But videos' : 'Videos';
  return `${first} ${link} are ${where} the manifold (${range}).`;
}

function moved({ before, after }: Comparison): string {
  return `${after > before ? 'rose' : 'fell'} from ${formatNumber(before)} to ${formatNumber(after)}`;
}

/** What to look at before believing the curves; `attention` where a finding is about it. */
export function healthOf(
  iterations: Iteration[],
  events: readonly RunEvent[],
  groupsPerIteration: number,
  findings: readonly HealthFinding[],
): HealthItem[] {
  if (iterations.length === 0) return [];
  const total = (value: (i: Iteration) => number) => iterations.reduce((sum, i) => sum + value(i), 0);
  const warnings = events.filter((event) => event.kind === 'warning').length;
  const unscored =
    total((i) => i.unscored) +
    events.reduce((sum, event) => sum + (event.kind === 'evaluation' ? event.unscored : 0), 0);
  const skipped = total((i) => i.skippedUpdates);
  const groups = groupsPerIteration * iterations.length;
  const dead = total((i) => i.deadGroups);
  const share = groups > 0 ? dead / groups : 0;
  const found = (code: HealthFinding['code']) => findings.some((finding) => finding.code === code);
  const stateOf = (code: HealthFinding['code']) => (found(code) ? 'attention' : 'good');
  return [
    ratioHealth(iterations, found('health/first-replay-ratio')),
    {
      name: 'Groups that taught nothing',
      value: groups > 0 ? `${dead} of ${groups} (${formatPercent(share)})` : `${dead}`,
      state: stateOf('health/dead-groups'),
      note: 'All videos of a group had the same reward.',
    },
    {
      name: 'Videos without a score',
      value: `${unscored}`,
      state: stateOf('health/unscored-videos'),
      note: 'They are left out of their group, never scored 0.',
    },
    {
      name: 'Updates left out',
      value: `${skipped}`,
      state: stateOf('health/not-finite'),
      note: 'Their gradient was not finite.',
    },
    imbalanceHealth(iterations, found('health/gradient-imbalance')),
    {
      name: 'Warnings',
      value: `${warnings}`,
      state: warnings > 0 ? 'attention' : 'good',
      note: warnings > 0 ? 'Listed below.' : '',
    },
  ];
}

function ratioHealth(iterations: Iteration[], found: boolean): HealthItem {
  const name = 'Ratio at the first replay';
  const known = iterations.map((i) => i.firstReplayRatioDeviation).filter((value) => value !== null);
  if (known.length === 0) return { name, value: 'not measured', state: 'attention', note: '' };
  const worst = Math.max(...known);
  if (worst === 0) {
    const note = `In all ${known.length} iterations the replay reproduced the rollout to the bit.`;
    return { name, value: 'exactly 1', state: 'good', note };
  }
  return {
    name,
    value: `1 ± ${formatNumber(worst, 2)}`,
    state: found ? 'attention' : 'plain',
    note: 'With unchanged weights it should be 1; the difference is noise in every gradient.',
  };
}

function imbalanceHealth(iterations: Iteration[], found: boolean): HealthItem {
  const median = (field: 'gradientNormRaw' | 'gradientNorm') => {
    const values = iterations.map((i) => gradientImbalance(i, field)).filter((value) => value !== null);
    return values.sort((a, b) => a - b)[Math.floor(values.length / 2)];
  };
  const [raw, equalized] = [median('gradientNormRaw'), median('gradientNorm')];
  const name = 'Gradient imbalance over steps';
  if (raw === undefined || equalized === undefined) return { name, value: 'not measured', state: 'plain', note: '' };
  return {
    name,
    value: `${formatNumber(raw, 2)}× → ${formatNumber(equalized, 2)}×`,
    state: found ? 'attention' : equalized < raw ? 'good' : 'plain',
    note: 'Largest over smallest gradient norm, before and after equalization (median).',
  };
}
