import { createEpisode, type Check } from '../check.ts';
import type { Iteration } from '../trail.ts';
import { countOf, span, stepList } from '../wording.ts';

/** Iterations after the last occurrence for which it is still shown. */
export const notFiniteShownFor = 50;

type StepField = 'ratio' | 'ratioDeviation' | 'gradientNorm' | 'gradientNormRaw';
const stepFields: readonly StepField[] = ['ratio', 'ratioDeviation', 'gradientNorm', 'gradientNormRaw'];
const runFields = ['loss', 'gradientNorm', 'updateNorm'] as const;

const isWhole = (step: Iteration['steps'][number]) =>
  step.ratio !== null && step.ratioDeviation !== null && step.gradientNorm !== null && step.gradientNormRaw !== null;

/** Losses, norms or ratios that were no numbers, and updates left out for it. */
export const notFinite: Check = () => {
  const episode = createEpisode(notFiniteShownFor);
  /** Step observables that were numbers before: a policy need not measure all of them. */
  const known = new Set<StepField>();
  let totals = { skipped: 0, missing: new Map<string, number>(), steps: new Set<number>() };

  const missingOf = (event: Iteration) => {
    const missing: string[] = runFields.filter((name) => event[name] === null);
    const steps: number[] = [];
    for (const step of event.steps) {
      if (known.size === stepFields.length && isWhole(step)) continue;
      let lacks = false;
      for (const name of stepFields) {
        if (step[name] !== null) known.add(name);
        else if (name === 'ratio' || known.has(name)) lacks = true;
      }
      if (lacks) steps.push(step.k);
    }
    return { missing, steps };
  };

  return {
    see(event) {
      if (event.kind !== 'iteration') return;
      const { missing, steps } = missingOf(event);
      const holds = event.skippedUpdates > 0 || missing.length > 0 || steps.length > 0;
      if (holds && episode.age() >= notFiniteShownFor) totals = { skipped: 0, missing: new Map(), steps: new Set() };
      episode.see(event.iteration, holds);
      totals.skipped += event.skippedUpdates;
      for (const name of missing) totals.missing.set(name, (totals.missing.get(name) ?? 0) + 1);
      for (const k of steps) if (totals.steps.size < 1000) totals.steps.add(k);
    },
    find() {
      if (episode.age() > notFiniteShownFor) return null;
      const steps = [...totals.steps].sort((a, b) => a - b);
      const parts = [...totals.missing].map(
        ([name, count]) => `${name} was no number in ${countOf(count, 'iteration')}`,
      );
      if (steps.length > 0) parts.push(`ratio or gradient norm was no number at ${stepList(steps)}`);
      if (totals.skipped > 0)
        parts.push(`${countOf(totals.skipped, 'update')} left out for a gradient that was not finite`);
      const once = episode.count() === 1 && totals.skipped <= 1 && steps.length === 0;
      return {
        severity: once && totals.skipped === 1 ? 'warning' : 'problem',
        title: 'The loss or its gradient was not a finite number.',
        evidence: `In ${span(episode.first(), episode.last())}: ${parts.join('; ')}.`,
        why: 'An update whose gradient is not finite is left out, so that the weights stay whole, but it teaches nothing; several in a row mean that the policy is about to break.',
        remedy:
          'One alone is harmless. For more, divide training.learning_rate by 3, lower training.max_gradient_norm (0.5) and reward.advantage_clip (3), and resume from a checkpoint before the first of these iterations. With policy.precision bf16, try fp32.',
        key: 'training.learning_rate',
        ...{ first: episode.first(), last: episode.last(), steps },
      };
    },
  };
};
