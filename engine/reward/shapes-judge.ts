import { SageError } from '../errors.ts';
import { formatPrompt, parsePrompt } from '../shapes/grammar.ts';
import { judge } from '../shapes/judge.ts';
import { createRandom } from '../shapes/random.ts';
import { renderScene } from '../shapes/render.ts';
import { randomScene } from '../shapes/scene.ts';
import type { Reward, Score } from './reward.ts';

/** Seed of the scenes that stand for flawless videos. */
const flawlessSeed = 1;

const example = formatPrompt({ color: 'red', shape: 'circle', direction: 'left' });

/**
 * The reward of the Shapes world: VQ, MQ and TA in [0, 1] from pixels, and the true distance to the manifold. A prompt outside
 * of the grammar, a video of the wrong size and pixels that are not finite are left unscored, with the reason.
 */
export function createShapesJudge(): Reward {
  return {
    name: 'shapes-judge',
    components: ['VQ', 'MQ', 'TA'],
    async score(items) {
      const scores: Score[] = [];
      for (const { prompt, video } of items) scores.push(scoreOne(prompt, await video.load()));
      return scores;
    },
    async flawless(prompts) {
      return prompts.flatMap((prompt, i) => {
        const words = parsePrompt(prompt);
        if (words === null) return [];
        return [scoreOne(prompt, renderScene(randomScene(words, createRandom(flawlessSeed, i))))];
      });
    },
  };
}

function scoreOne(prompt: string, video: Parameters<typeof judge>[0]): Score {
  const words = parsePrompt(prompt);
  if (words === null) {
    const shown = prompt.length > 60 ? `${prompt.slice(0, 60)}…` : prompt;
    return {
      scored: false,
      reason: `${JSON.stringify(shown)} is not a prompt of the Shapes world, such as "${example}"`,
    };
  }
  try {
    const { vq, mq, ta, distance } = judge(video, words);
    return { scored: true, components: { VQ: vq, MQ: mq, TA: ta }, distance };
  } catch (error) {
    if (error instanceof SageError) return { scored: false, reason: error.message };
    throw error;
  }
}
