import type { SampledVideo } from '../policy/policy.ts';

/** What a reward says of one video: its components and what was measured beside them, or why it could not be scored. */
export type Score =
  | {
      scored: true;
      /** By name, on the scale that the weights of the reward multiply, such as VideoAlign's normalised VQ. */
      components: Record<string, number>;
      /** Components on the model's own scale, where that differs. */
      raw?: Record<string, number>;
      /** Metrics that are only watched: they are no part of the reward. */
      heldOut?: Record<string, number>;
      /** What a reader of the score should know, such as that the prompt was cut to 77 tokens. */
      notes?: string[];
      /** True manifold distance, where it is known. */
      distance: number | null;
    }
  | { scored: false; reason: string };

/** A reward model. It never turns a failure into a number: it returns `scored: false` and says why. */
export interface Reward {
  readonly name: string;
  readonly components: readonly string[];
  /** Metrics that it measures besides, which are only watched. */
  readonly heldOut?: readonly string[];
  /** Scores of flawless videos of these prompts, where such videos are known: the best that training can reach. */
  flawless?(prompts: readonly string[]): Promise<Score[]>;
  score(items: { prompt: string; video: SampledVideo }[]): Promise<Score[]>;
}

/** Means of what was measured beside the components; a field is left out where nothing was. */
export interface MeasuredBeside {
  raw?: Record<string, number>;
  heldOut?: Record<string, number>;
}

/** Means over the scored videos of each component's raw value and of each held-out metric, each over those that have it. */
export function meansBeside(scores: readonly Score[]): MeasuredBeside {
  const found: MeasuredBeside = {};
  for (const field of ['raw', 'heldOut'] as const) {
    const sums = new Map<string, { sum: number; count: number }>();
    for (const score of scores)
      for (const [name, value] of Object.entries((score.scored && score[field]) || {})) {
        if (!Number.isFinite(value)) continue;
        const { sum, count } = sums.get(name) ?? { sum: 0, count: 0 };
        sums.set(name, { sum: sum + value, count: count + 1 });
      }
    if (sums.size > 0)
      found[field] = Object.fromEntries([...sums].map(([name, { sum, count }]) => [name, sum / count]));
  }
  return found;
}
