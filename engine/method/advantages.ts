import { MethodError, requireInRange } from './errors.ts';

/** Below this a group's rewards count as equal (method.md, "Rewards and advantages"). */
const smallestStd = 1e-6;
/** Squares of rewards must not overflow. */
const largestReward = 1e100;

export interface GroupAdvantages {
  /** `[P][G]`, null where the video was not scored. */
  advantages: (number | null)[][];
  /** Groups that teach nothing: rewards equal to within 1e-6, or fewer than two scored videos. */
  deadGroups: number;
  /** Videos without a score. */
  unscored: number;
  /** Groups with at least two scored videos; 0 means that the iteration cannot be used. */
  usableGroups: number;
  /** `[P]` over the scored videos, null where there are none. */
  means: (number | null)[];
  /** `[P]` population standard deviation over the scored videos, null where there are none. */
  stds: (number | null)[];
}

/**
 * `A_i = (R_i − mean(R_group)) / max(std_pop(R_group), 1e-6)`, clamped to ±clip; 0 throughout a group whose std is below
 * 1e-6 (method.md, "Rewards and advantages"). A group's statistics use its scored videos only.
 *
 * @param rewards_P_G one row a prompt, one number a generation, null where the video could not be scored
 * @param clip largest absolute advantage
 * @throws MethodError on fewer than two generations, a reward that is no finite number, or a clip outside [1e-6, 1e6]
 */
export function groupAdvantages(rewards_P_G: (number | null)[][], clip: number): GroupAdvantages {
  requireInRange('reward.advantage_clip', clip, { minimum: 1e-6, maximum: 1e6, usual: 5 });
  const groups = rewards_P_G.map((rewards_G) => oneGroup(rewards_G, clip));
  const count = (test: (group: Group) => boolean): number => groups.filter(test).length;
  return {
    advantages: groups.map((group) => group.advantages_G),
    deadGroups: count((group) => group.dead),
    unscored: groups.reduce((sum, group) => sum + group.advantages_G.length - group.scored, 0),
    usableGroups: count((group) => group.scored >= 2),
    means: groups.map((group) => group.mean),
    stds: groups.map((group) => group.std),
  };
}

interface Group {
  advantages_G: (number | null)[];
  scored: number;
  dead: boolean;
  mean: number | null;
  std: number | null;
}

function oneGroup(rewards_G: (number | null)[], clip: number): Group {
  requireGroup(rewards_G);
  const scored = rewards_G.filter((reward) => reward !== null);
  if (scored.length === 0) {
    return { advantages_G: rewards_G.map(() => null), scored: 0, dead: true, mean: null, std: null };
  }
  const mean = average(scored);
  const std = Math.sqrt(average(scored.map((reward) => (reward - mean) ** 2)));
  const dead = std < smallestStd;
  const advantage = (reward: number): number => (dead ? 0 : Math.min(Math.max((reward - mean) / std, -clip), clip));
  const advantages_G = rewards_G.map((reward) => (reward === null ? null : advantage(reward)));
  return { advantages_G, scored: scored.length, dead, mean, std };
}

function average(values: number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function requireGroup(rewards_G: (number | null)[]): void {
  if (rewards_G.length < 2) {
    throw new MethodError({
      code: 'group-too-small',
      key: 'rollout.generations',
      value: rewards_G.length,
      nearest: 2,
      reason: 'an advantage compares the generations of one prompt, so a group needs at least two',
    });
  }
  const offending = rewards_G.find((reward) => reward !== null && !(Math.abs(reward) <= largestReward));
  if (offending === undefined || offending === null) return;
  throw new MethodError({
    code: 'reward-not-finite',
    key: 'reward',
    value: offending,
    nearest: Number.isNaN(offending) ? null : Math.sign(offending) * largestReward,
    reason: 'a reward must be a finite number, or null for a video that could not be scored',
  });
}
