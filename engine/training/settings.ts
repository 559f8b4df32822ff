import { learningRate } from '../config/plan.ts';
import { rewardWeights } from '../config/reward.ts';
import { kernelOptions } from '../config/rules-method.ts';
import type { Config } from '../config/schema.ts';
import { analyticEqualizer, measuredEqualizer } from '../method/equalizer.ts';
import { kernelTable, type KernelTable } from '../method/kernels.ts';
import type { OptimStepRequest } from '../policy/policy.ts';
import type { Score } from '../reward/reward.ts';
import type { LossSettings, TrainerContext } from './context.ts';

export { klOptions, learningRate } from '../config/plan.ts';

/** Kernel table of the rollouts. */
export function rolloutTable(config: Config): KernelTable {
  return kernelTable(kernelOptions(config));
}

/** ODE table of the evaluation. */
export function evaluationTable(config: Config): KernelTable {
  const steps = config.evaluation.steps ?? config.sampling.steps;
  return kernelTable({ kernel: 'ode', steps, shift: config.sampling.shift, eta: config.exploration.eta });
}

/** Weighted sum of a video's components (method: rewards and advantages); null where it could not be scored. */
export function totalReward(config: Config, score: Score): number | null {
  if (!score.scored) return null;
  return Object.entries(rewardWeights(config)).reduce(
    (total, [component, weight]) => total + weight * score.components[component],
    0,
  );
}

export function lossSettings(config: Config): LossSettings {
  const { anchor, stepwise } = config.trust_region;
  return {
    clipRange: config.training.clip_range,
    anchorWeight: anchor.weight,
    stepwiseWeight: stepwise.estimator === 'none' ? 0 : stepwise.weight,
    stepwiseEstimator: stepwise.estimator === 'k1' ? 'k1' : 'k3',
    useAnchor: anchor.mode !== 'none',
  };
}

export function optimizerRequest(config: Config, iteration: number): OptimStepRequest {
  const { weight_decay, beta1, beta2, epsilon, max_gradient_norm } = config.training;
  return {
    learningRate: learningRate(config, iteration),
    weightDecay: weight_decay,
    beta1,
    beta2,
    epsilon,
    maxGradientNorm: max_gradient_norm,
  };
}

/** e_k of every step as it stands now; 1 everywhere with the equalizer off. */
export function currentEqualizer(context: Pick<TrainerContext, 'config' | 'table' | 'state'>): (number | null)[] {
  const { config, table, state } = context;
  if (config.equalizer.mode === 'none') return table.steps.map((step) => (step.explored ? 1 : null));
  return config.equalizer.mode === 'measured' ? measuredEqualizer(state.equalizer, table) : analyticEqualizer(table);
}
