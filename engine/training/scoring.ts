import type { Config } from '../config/schema.ts';
import type { SampledVideo } from '../policy/policy.ts';
import type { Reward, Score } from '../reward/reward.ts';

/**
 * Scores videos and holds what the reward model says to its word: a component that is missing or not finite makes the
 * video unscored, with the reason, and never a number.
 */
export async function scoreVideos(
  reward: Reward,
  config: Config,
  items: { prompt: string; video: SampledVideo }[],
): Promise<Score[]> {
  const scores = await reward.score(items);
  if (scores.length !== items.length)
    throw new Error(`${reward.name} gave ${scores.length} scores for ${items.length} videos`);
  return scores.map((score) => {
    if (!score.scored) return score;
    const wrong = Object.keys(config.reward.weights).find((name) => !Number.isFinite(score.components[name]));
    if (wrong === undefined) return score;
    return { scored: false, reason: `${reward.name} gave ${score.components[wrong] ?? 'nothing'} for ${wrong}` };
  });
}
