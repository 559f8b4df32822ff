import type { HealthFinding } from '../../engine/protocol.ts';
import type { TabId } from './app.tsx';

/** What each finding is looked for in, in words, and the chart that shows it. */
export const checks: Record<
  HealthFinding['code'],
  { looksFor: string; tab: TabId; chart: string | null; shows: string }
> = {
  'health/not-finite': {
    looksFor: 'losses and gradients that are not finite',
    tab: 'gradients',
    chart: 'updates',
    shows: 'Norms',
  },
  'health/first-replay-ratio': {
    looksFor: 'probability ratios other than 1 at the first replay',
    tab: 'gradients',
    chart: 'first-replay',
    shows: 'Ratio at First Replay',
  },
  'health/reward-hacking': {
    looksFor: 'reward that rises while videos leave the manifold, the evaluation gets worse or a held-out metric falls',
    tab: 'reward',
    chart: 'distance',
    shows: 'Distance to the Manifold',
  },
  'health/trainer-died': { looksFor: 'a trainer that died', tab: 'checkpoints', chart: null, shows: 'Checkpoints' },
  'health/drift-accelerating': { looksFor: 'drift that accelerates', tab: 'drift', chart: 'drift', shows: 'Drift' },
  'health/unscored-videos': {
    looksFor: 'videos without a score',
    tab: 'reward',
    chart: 'lost',
    shows: 'Unscored Videos',
  },
  'health/dead-groups': {
    looksFor: 'groups whose rewards are all equal',
    tab: 'reward',
    chart: 'lost',
    shows: 'Dead Groups',
  },
  'health/reward-flat': { looksFor: 'reward that does not rise', tab: 'reward', chart: 'reward', shows: 'Reward' },
  'health/one-component': {
    looksFor: 'one reward component that does all the work',
    tab: 'reward',
    chart: 'components',
    shows: 'Components',
  },
  'health/gradient-imbalance': {
    looksFor: 'gradients that a few steps dominate',
    tab: 'gradients',
    chart: 'imbalance',
    shows: 'Imbalance',
  },
  'health/clip-fraction': {
    looksFor: 'ratios that are mostly clipped',
    tab: 'gradients',
    chart: 'clip',
    shows: 'Clip Fraction',
  },
  'health/kl-bound': { looksFor: 'a KL controller at its bound', tab: 'drift', chart: 'kl', shows: 'KL and β' },
  'health/slow-stage': {
    looksFor: 'a stage that takes most of the time',
    tab: 'run',
    chart: 'time',
    shows: 'Time by Stage',
  },
};

/** Where a finding is seen: reward hacking by the held-out metric that tells of it, where there is one. */
export function shownBy(code: HealthFinding['code'], scalars: readonly string[], title: string) {
  const { tab, chart, shows } = checks[code];
  const held = scalars.filter((name) => name.startsWith('heldOut:'));
  const told = held.find((id) => title.includes(`the held-out ${id.slice('heldOut:'.length)} `));
  if (code !== 'health/reward-hacking' || told === undefined) return { tab, chart, shows };
  return { tab, chart: told, shows: 'Held-Out Metric' };
}
