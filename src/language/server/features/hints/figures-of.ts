import { count, countOf } from '../../figures.ts';
import { planNeeds, type Here } from '../../facts/here.ts';
import { effectiveBatch, rollouts, updates } from '../../facts/learning.ts';
import type { HintKind } from '../../settings.ts';

/** A figure that follows from the config, and beside which key it is shown. */
export interface FigureHint {
  kind: HintKind;
  /** The first of these that is written carries it. */
  beside: readonly string[];
  /** Nothing is shown while one of these is refused. */
  needs: readonly string[];
  /** Null where there is nothing to show. */
  show(here: Here): { label: string; tooltip: string } | null;
}

const videoNeeds = ['policy.model', 'sampling.frames', 'sampling.height', 'sampling.width'];
const iterations = 'training.iterations';

export const figureHints: readonly FigureHint[] = [
  {
    kind: 'rollouts',
    beside: ['rollout'],
    needs: ['rollout', iterations],
    show(here) {
      const { prompts_per_iteration: prompts, generations } = here.config.rollout;
      return { label: `${countOf(prompts * generations, 'rollout')} an iteration`, tooltip: rollouts(here) };
    },
  },
  {
    kind: 'updates',
    beside: ['training'],
    needs: [...planNeeds, iterations],
    show(here) {
      const tooltip = updates(here);
      return here.plan === null || tooltip === null
        ? null
        : { label: `${countOf(here.plan.updates, 'update')} an iteration`, tooltip };
    },
  },
  {
    kind: 'batch',
    beside: ['training.accumulation', 'training.micro_batch'],
    needs: planNeeds,
    show(here) {
      const tooltip = effectiveBatch(here);
      return here.plan === null || tooltip === null
        ? null
        : { label: `effective batch ${count(here.plan.effectiveBatch)}`, tooltip };
    },
  },
  {
    kind: 'tokens',
    beside: ['sampling'],
    needs: videoNeeds,
    show({ estimates }) {
      const tokens = estimates?.tokens ?? null;
      return tokens === null ? null : { label: `${tokens.words} tokens a video`, tooltip: tokens.how };
    },
  },
  {
    kind: 'time',
    beside: [iterations, 'training', 'policy.model'],
    needs: [...planNeeds, iterations, 'evaluation', ...videoNeeds],
    show({ estimates }) {
      const seconds = estimates?.seconds ?? null;
      return seconds === null ? null : { label: `estimated ${seconds.words}`, tooltip: seconds.how };
    },
  },
  {
    kind: 'memory',
    beside: ['policy.model', 'policy'],
    needs: [...planNeeds, 'policy', ...videoNeeds],
    show({ estimates, config }) {
      const memory = estimates?.memory ?? null;
      const where = config.policy.backend === 'torch' ? ' a GPU' : '';
      return memory === null ? null : { label: `estimated ${memory.words}${where}`, tooltip: memory.how };
    },
  },
];
