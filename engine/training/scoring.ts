import { rewardWeights } from '../config/reward.ts';
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
    const wrong = Object.keys(rewardWeights(config)).find((name) => !Number.isFinite(score.components[name]));
    if (wrong === undefined) return withFinite(score);
    return { scored: false, reason: `${reward.name} gave ${score.components[wrong] ?? 'nothing'} for ${wrong}` };
  });
}

/** A metric beside the reward that is not finite was not measured; it takes nothing from the reward. */
function withFinite(score: Extract<Score, { scored: true }>): Score {
  const finite = (values: Record<string, number>) =>
    Object.fromEntries(Object.entries(values).filter(([, value]) => Number.isFinite(value)));
  const { raw, heldOut, ...rest } = score;
  return { ...rest, ...(raw && { raw: finite(raw) }), ...(heldOut && { heldOut: finite(heldOut) }) };
}
