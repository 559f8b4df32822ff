import type { SampledVideo } from '../policy/policy.ts';

/** What a reward says of one video: its components, or why it could not be scored. */
export type Score =
  | {
      scored: true;
      components: Record<string, number>;
      /** true manifold distance, where it is known */ distance: number | null;
    }
  | { scored: false; reason: string };

/** A reward model. It never turns a failure into a number: it returns `scored: false` and says why. */
export interface Reward {
  readonly name: string;
  readonly components: readonly string[];
  /** Scores of flawless videos of these prompts, where such videos are known: the best that training can reach. */
  flawless?(prompts: readonly string[]): Promise<Score[]>;
  score(items: { prompt: string; video: SampledVideo }[]): Promise<Score[]>;
}
