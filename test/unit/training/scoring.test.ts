import { describe, expect, it } from 'vitest';
import { checkText } from '../../../engine/config/load.ts';
import { loadedVideo } from '../../../engine/policy/policy.ts';
import { meansBeside, type Reward, type Score } from '../../../engine/reward/reward.ts';
import { scoreVideos } from '../../../engine/training/scoring.ts';

const video = loadedVideo({ pixels: new Float32Array(3), frames: 1, height: 1, width: 1 });
const config = checkText('reward: {weights: {VQ: 1}}').config!;

/** Scores that a reward model might give, as training takes them. */
function taken(...scores: Score[]): Promise<Score[]> {
  const reward: Reward = { name: 'clip', components: ['VQ', 'MQ', 'TA'], score: async () => scores };
  return scoreVideos(
    reward,
    config,
    scores.map(() => ({ prompt: 'a cat', video })),
  );
}

const components = { VQ: 0.4, MQ: 0.2, TA: 0.1 };

describe('what is measured beside the reward', () => {
  it('is kept with the score; what is not finite was not measured, and costs the video nothing', async () => {
    const heldOut = { clipscore: 27, pickscore: NaN };
    const [score] = await taken({
      scored: true,
      components,
      raw: { VQ: Infinity },
      heldOut,
      notes: ['cut'],
      distance: null,
    });
    expect(score).toEqual({
      scored: true,
      components,
      raw: {},
      heldOut: { clipscore: 27 },
      notes: ['cut'],
      distance: null,
    });
  });

  it('has means over the videos that have it', async () => {
    const scores = await taken(
      { scored: true, components, raw: { VQ: 4 }, heldOut: { clipscore: 27 }, distance: null },
      { scored: true, components, raw: { VQ: 5 }, heldOut: { clipscore: NaN, pickscore: 20 }, distance: null },
      { scored: false, reason: 'no memory' },
    );
    expect(meansBeside(scores)).toEqual({ raw: { VQ: 4.5 }, heldOut: { clipscore: 27, pickscore: 20 } });
    expect(meansBeside(await taken({ scored: true, components, distance: null }))).toEqual({});
  });

  it('does not stand in for a component: one that is missing leaves the video unscored', async () => {
    const [score] = await taken({ scored: true, components: { VQ: 1 }, heldOut: { MQ: 1, TA: 1 }, distance: null });
    expect(score).toEqual({ scored: false, reason: 'clip gave nothing for MQ' });
  });
});
