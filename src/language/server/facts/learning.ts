import { learningRate } from '../../../../engine/config/plan.ts';
import { rewardModels, rewardWeights } from '../../../../engine/config/reward.ts';
import { analyticEqualizer } from '../../../../engine/method/equalizer.ts';
import { outputGradientNorm } from '../../../../engine/method/logprob.ts';
import { count, countOf, figure, stepsText } from '../figures.ts';
import { kernelNeeds, planNeeds, type Fact, type Here } from './here.ts';

const groupNeeds = ['rollout.prompts_per_iteration', 'rollout.generations', 'training.iterations'];

export function rollouts({ config: { rollout, training } }: Here): string {
  const { prompts_per_iteration: prompts, generations } = rollout;
  const each = prompts * generations;
  const product = `${countOf(prompts, 'prompt')} × ${generations} generations = ${countOf(each, 'rollout')} an iteration`;
  return `${product}, ${count(each * training.iterations)} in ${countOf(training.iterations, 'iteration')}.`;
}

/** The largest advantage of a group: that of one video among equals. */
function largestAdvantage({ config: { rollout, reward } }: Here): string {
  const [others, clip] = [rollout.generations - 1, reward.advantage_clip];
  const largest = Math.sqrt(others);
  const group = `In a group of ${rollout.generations} no advantage exceeds √${others} = ${figure(largest)}`;
  return largest <= clip
    ? `${group}, so nothing is ever clamped.`
    : `${group}; those beyond ${figure(clip)} are clamped.`;
}

export function updates({ plan, config: { training } }: Here): string | null {
  if (plan === null) return null;
  const { rollouts, ranks, microBatches, trainedSteps, replays } = plan;
  const rank = ranks === 1 ? '' : ' on each rank';
  const shared = ranks === 1 ? '' : ` / ${countOf(ranks, 'rank')}`;
  const batches = `${countOf(rollouts, 'rollout')}${shared} / ${training.micro_batch} = ${countOf(microBatches, 'micro-batch', 'micro-batches')}${rank}`;
  const passes = `× ${countOf(trainedSteps, 'trained step')} = ${countOf(replays, 'replay')}`;
  const made = `${countOf(plan.updates, 'update')} an iteration, ${count(plan.updates * training.iterations)} in the run`;
  return `${batches}; ${passes}; / ${training.accumulation} = ${made}.`;
}

export function effectiveBatch({ plan, config: { training } }: Here): string | null {
  if (plan === null) return null;
  const ranks = plan.ranks === 1 ? '' : ` × ${countOf(plan.ranks, 'rank')}`;
  const factors = `micro_batch ${training.micro_batch} × accumulation ${training.accumulation}${ranks}`;
  return `An update averages ${countOf(plan.effectiveBatch, 'sample')}, each at one step: ${factors}.`;
}

function trainedSteps({ plan, config }: Here): string | null {
  if (plan === null) return null;
  const all = plan.trainedSteps === plan.explored.length;
  const which = all
    ? `all ${countOf(plan.explored.length, 'explored step')} (${stepsText(plan.explored)})`
    : `${plan.trainedSteps} of the ${countOf(plan.explored.length, 'explored step')}, drawn anew for each micro-batch`;
  return `Of its ${countOf(config.sampling.steps, 'step')} each sample is trained on ${which}.`;
}

function rates(here: Here): string {
  const { iterations } = here.config.training;
  const middle = Math.ceil(iterations / 2);
  const at = [...new Set([1, middle, iterations])].map((iteration) => ({
    iteration,
    rate: figure(learningRate(here.config, iteration)),
  }));
  if (new Set(at.map(({ rate }) => rate)).size === 1) return `${at[0].rate} in every iteration.`;
  return `${at.map(({ iteration, rate }) => `${rate} at iteration ${count(iteration)}`).join(', ')}.`;
}

function averagedUpdates(decay: number, { plan, config }: Here): string {
  const run = plan === null ? '' : `; the run makes ${count(plan.updates * config.training.iterations)}`;
  return `Averages over about 1 / (1 − ${decay}) = ${countOf(Math.round(1 / (1 - decay)), 'update')}${run}.`;
}

function weights({ table, config: { equalizer } }: Here): string | null {
  const equal = table === null ? [] : analyticEqualizer(table);
  const steps = equal.flatMap((weight, k) => (weight === null ? [] : [{ k, weight }]));
  if (table === null || steps.length === 0) return null;
  const ordered = steps.toSorted((a, b) => a.weight - b.weight);
  const [least, most] = [ordered[0], ordered.at(-1)!];
  if (equalizer.mode === 'none') {
    const norm = (k: number) => outputGradientNorm(table.steps[k])!;
    const times = figure(norm(least.k) / norm(most.k));
    return `Every step weighs 1, so the gradient of step ${least.k} is ${times}× that of step ${most.k}.`;
  }
  const until = equalizer.mode === 'measured' ? ' until the measured norms are warm' : '';
  const weight = (step: typeof least) => `${figure(step.weight)} at step ${step.k}`;
  return `The weight e_k lies between ${weight(least)} and ${weight(most)}${until}.`;
}

function warmUp({ plan, config: { equalizer } }: Here): string | null {
  if (plan === null || equalizer.mode !== 'measured') return null;
  const each = (plan.microBatches * plan.trainedSteps) / plan.explored.length;
  const iteration = Math.ceil(equalizer.warmup / each);
  const about = plan.trainedSteps === plan.explored.length ? '' : 'about ';
  return `An iteration observes each step ${about}${figure(each)} times, so measured norms count from ${about}iteration ${count(iteration + 1)} on.`;
}

const components = ['VQ', 'MQ', 'TA', 'clipscore', 'pickscore'] as const;
type Component = (typeof components)[number];

/** The largest reward, where components have a maximum, and the share of one of them. */
function largestReward(component: Component | null) {
  return ({ config }: Here): string | null => {
    const all = Object.entries(rewardWeights(config)).filter(([, weight]) => weight !== 0);
    const total = all.reduce((sum, [, weight]) => sum + weight, 0);
    if (total === 0) return null;
    const weight = component === null ? undefined : (rewardWeights(config)[component] ?? 0);
    const part = weight === undefined ? '' : `${component} is ${Math.round((100 * weight) / total)} % of the weight. `;
    // Of the others no largest value is known.
    const bounded = config.reward.python === null && rewardModels(config).every((model) => model === 'shapes-judge');
    if (!bounded) return part === '' ? null : part.trim();
    const sum = all.map(([name, weight]) => `${figure(weight)} ${name}`).join(' + ');
    return `${part}The largest reachable reward is ${sum} = ${figure(total)}, since every component lies in [0, 1].`;
  };
}

const plan: Fact = {
  needs: [...planNeeds, 'training.iterations'],
  say: (here) => [updates(here), effectiveBatch(here)],
};
const rewardNeeds = ['reward'];
const rate: Fact = {
  needs: ['training.learning_rate', 'training.learning_rate_schedule', 'training.iterations'],
  say: (here) => [rates(here)],
};
const decayOf = (name: 'beta1' | 'beta2'): Fact => ({
  needs: [...plan.needs, `training.${name}`],
  say: (here) => [averagedUpdates(here.config.training[name], here)],
});
const weightOf = (component: Component): Fact => ({
  needs: rewardNeeds,
  say: (here) => [largestReward(component)(here)],
});
const group: Fact = { needs: groupNeeds, say: (here) => [rollouts(here)] };

/** Facts of rollouts, rewards and updates. */
export const learningFacts: Record<string, Fact> = {
  rollout: group,
  'rollout.prompts_per_iteration': group,
  'rollout.generations': {
    needs: [...groupNeeds, 'reward.advantage_clip'],
    say: (here) => [rollouts(here), largestAdvantage(here)],
  },
  reward: { needs: rewardNeeds, say: (here) => [largestReward(null)(here)] },
  'reward.weights': { needs: rewardNeeds, say: (here) => [largestReward(null)(here)] },
  ...Object.fromEntries(components.map((name) => [`reward.weights.${name}`, weightOf(name)])),
  'reward.advantage_clip': {
    needs: ['reward.advantage_clip', 'rollout.generations'],
    say: (here) => [largestAdvantage(here)],
  },
  training: plan,
  'training.iterations': { needs: plan.needs, say: (here) => [rollouts(here), updates(here)] },
  'training.micro_batch': plan,
  'training.accumulation': plan,
  'training.steps_per_sample': { needs: plan.needs, say: (here) => [trainedSteps(here), updates(here)] },
  'training.learning_rate': rate,
  'training.learning_rate_schedule': rate,
  'training.weight_decay': {
    needs: ['training.learning_rate', 'training.weight_decay'],
    say: ({ config: { training } }) => [
      training.weight_decay > 0 &&
        `At the start an update shrinks every weight by learning_rate × weight_decay = ${figure(training.learning_rate * training.weight_decay)} of itself.`,
    ],
  },
  'training.beta1': decayOf('beta1'),
  'training.beta2': decayOf('beta2'),
  'training.clip_range': {
    needs: ['training.clip_range'],
    say: ({ config: { training } }) => [
      `The ratio is clipped to between ${1 - training.clip_range} and ${1 + training.clip_range}.`,
    ],
  },
  equalizer: { needs: [...kernelNeeds, 'equalizer.mode'], say: (here) => [weights(here)] },
  'equalizer.mode': { needs: [...kernelNeeds, 'equalizer.mode'], say: (here) => [weights(here)] },
  'equalizer.warmup': { needs: [...planNeeds, 'equalizer'], say: (here) => [warmUp(here)] },
  'equalizer.decay': {
    needs: ['equalizer'],
    say: ({ config: { equalizer } }) => [
      equalizer.mode === 'measured' &&
        `Averages over about ${countOf(Math.round(1 / (1 - equalizer.decay)), 'observation')} of a step.`,
    ],
  },
};
