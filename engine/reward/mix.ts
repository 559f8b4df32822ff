import type { Reward, Score } from './reward.ts';

/**
 * Several rewards as one: the components of all of them. A video that one of them cannot score is unscored, with that
 * one's reason.
 */
export function mixRewards(rewards: readonly Reward[]): Reward {
  if (rewards.length === 1) return rewards[0];
  return {
    name: rewards.map(({ name }) => name).join(', '),
    components: rewards.flatMap(({ components }) => components),
    heldOut: rewards.flatMap(({ heldOut = [] }) => heldOut),
    async score(items) {
      const all: Score[][] = [];
      for (const reward of rewards) all.push(await reward.score(items));
      return items.map((_, i) => all.map((scores) => scores[i]).reduce(both));
    },
  };
}

function both(first: Score, second: Score): Score {
  if (!first.scored) return first;
  if (!second.scored) return second;
  return {
    scored: true,
    components: { ...first.components, ...second.components },
    raw: { ...first.raw, ...second.raw },
    heldOut: { ...first.heldOut, ...second.heldOut },
    notes: [...(first.notes ?? []), ...(second.notes ?? [])],
    distance: first.distance ?? second.distance,
  };
}
