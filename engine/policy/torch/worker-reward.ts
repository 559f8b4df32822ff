import type { Reward, Score } from '../../reward/reward.ts';
import { placeOf } from './rollouts.ts';
import type { Worker } from './worker.ts';

/** The reward models that a worker has: they score its videos where they are, beside the sampling of the next ones. */
export function createWorkerReward(worker: Worker, name: string): Reward {
  const described = worker.description.reward;
  if (described === null) throw new Error('the worker was started without a reward');
  return {
    name,
    components: described.components,
    heldOut: described.heldOut,
    async score(items) {
      const scores = Array<Score>(items.length);
      for (const [handle, found] of byRollout(items)) {
        const answers = await worker.ask('score', { handle, samples: [...found.keys()] });
        for (const { sample, ...score } of answers.scores) {
          const item = found.get(sample);
          if (item !== undefined) scores[item] = score.scored ? { ...score, distance: null } : score;
        }
      }
      return Array.from(
        scores,
        (score) => score ?? { scored: false, reason: 'the worker gave no score for the video' },
      );
    },
  };
}

/** By rollout: the samples that are asked for, and which item each is. */
function byRollout(items: Parameters<Reward['score']>[0]): Map<string, Map<number, number>> {
  const rollouts = new Map<string, Map<number, number>>();
  items.forEach(({ video }, item) => {
    const { handle, sample } = placeOf(video);
    const samples = rollouts.get(handle) ?? new Map<number, number>();
    rollouts.set(handle, samples.set(sample, item));
  });
  return rollouts;
}
