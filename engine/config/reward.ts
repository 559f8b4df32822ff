import type { MetricName, RewardModelName } from './key.ts';
import type { Config } from './schema.ts';

/** What each reward model gives; the reward of a user's own names its components itself. */
export const componentsOf: Record<RewardModelName, readonly string[]> = {
  'shapes-judge': ['VQ', 'MQ', 'TA'],
  videoalign: ['VQ', 'MQ', 'TA'],
  clipscore: ['clipscore'],
  pickscore: ['pickscore'],
};

/** The component of a Python reward whose config names none. */
export const pythonComponent = 'python';

/** Names of components that reward models give; any other is one of a user's own. */
export const builtInComponents: ReadonlySet<string> = new Set(Object.values(componentsOf).flat());

/** One word or a list of them as a list. */
function listOf<T>(value: T | readonly T[] | null): readonly T[] {
  return value === null ? [] : Array.isArray(value) ? (value as readonly T[]) : [value as T];
}

/** The models that score the videos, in the order of the config; none where the reward is a Python function alone. */
export function rewardModels({ reward }: Pick<Config, 'reward'>): readonly RewardModelName[] {
  return listOf(reward.model);
}

/** The metrics that are only watched. */
export function heldOutMetrics({ reward }: Pick<Config, 'reward'>): readonly MetricName[] {
  return listOf(reward.held_out);
}

/** Weight of each component in the reward R = Σ w·r. A resolved config has one for every component. */
export function rewardWeights({ reward }: Pick<Config, 'reward'>): Readonly<Record<string, number>> {
  return Object.fromEntries(Object.entries(reward.weights).filter(([, weight]) => weight !== undefined));
}

/** All that scores the videos, in words: `videoalign, clipscore, my_rewards.py:score`. */
export function rewardText(config: Pick<Config, 'reward'>): string {
  const { python } = config.reward;
  return [...rewardModels(config), ...(python === null ? [] : [python])].join(', ');
}

/** A Python reward as the config writes it, `FILE:FUNCTION`, taken apart. */
export function pythonReward(written: string): { file: string; name: string } {
  const colon = written.lastIndexOf(':');
  return { file: written.slice(0, colon), name: written.slice(colon + 1) };
}
