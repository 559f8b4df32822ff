import { kernelOptions } from '../config/rules-method.ts';
import type { Config } from '../config/schema.ts';
import { analyticEqualizer, measuredEqualizer } from '../method/equalizer.ts';
import { kernelTable, type KernelTable } from '../method/kernels.ts';
import type { KlControllerOptions } from '../method/trust-region.ts';
import type { OptimStepRequest } from '../policy/policy.ts';
import type { Score } from '../reward/reward.ts';
import type { LossSettings, TrainerContext } from './context.ts';

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
  return Object.entries(config.reward.weights).reduce(
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

export function klOptions(config: Config): KlControllerOptions {
  const { controller, initial, minimum, weight, target, ramp_calls } = config.trust_region.beta;
  return { controller, initial, minimum, weight, target, rampCalls: ramp_calls };
}

/** Learning rate of an iteration (1-based); the decaying schedules reach 0 after the last one. */
export function learningRate(config: Config, iteration: number): number {
  const { learning_rate, learning_rate_schedule, iterations } = config.training;
  const left = Math.max(0, 1 - (iteration - 1) / iterations);
  if (learning_rate_schedule === 'linear') return learning_rate * left;
  if (learning_rate_schedule === 'cosine') return (learning_rate * (1 - Math.cos(Math.PI * left))) / 2;
  return learning_rate;
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
