import { countOf } from '../figures.ts';
import type { Here } from './here.ts';

/** What a key that is null, or not written, comes to in this config. */
const meanings: Readonly<Record<string, (here: Here) => string | null>> = {
  'policy.weights': ({ config }) => `the released weights of ${config.policy.model}`,
  'exploration.window': ({ config }) => `all ${countOf(config.sampling.steps, 'step')}`,
  'training.steps_per_sample': ({ plan }) =>
    plan === null ? null : `all ${countOf(plan.explored.length, 'explored step')}`,
  'evaluation.steps': ({ config }) => `${config.sampling.steps}, as \`sampling.steps\``,
  'evaluation.prompts': () => 'the training prompts',
  'videos.per_prompt': ({ config }) => `all ${countOf(config.rollout.generations, 'generation')}`,
};

/** What each of these depends on. */
export const nullNeeds: Readonly<Record<string, readonly string[]>> = {
  'policy.weights': ['policy.model'],
  'exploration.window': ['sampling.steps'],
  'training.steps_per_sample': ['policy.model', 'sampling.steps', 'sampling.shift', 'exploration'],
  'evaluation.steps': ['policy.model', 'sampling.steps'],
  'evaluation.prompts': [],
  'videos.per_prompt': ['rollout.generations'],
};

/** What null stands for at a path, as Markdown; null where it stands for nothing else. */
export function nullText(here: Here, path: string): string | null {
  return Object.hasOwn(meanings, path) ? meanings[path](here) : null;
}
