import { exploredSteps, kernelTable, type KernelTable } from '../method/kernels.ts';
import { MethodError } from '../method/errors.ts';
import type { KlControllerOptions } from '../method/trust-region.ts';
import { kernelOptions } from './rules-method.ts';
import type { Config } from './schema.ts';

/** Learning rate of an iteration (1-based); the decaying schedules reach 0 after the last one. */
export function learningRate(config: Config, iteration: number): number {
  const { learning_rate, learning_rate_schedule, iterations } = config.training;
  const left = Math.max(0, 1 - (iteration - 1) / iterations);
  if (learning_rate_schedule === 'linear') return learning_rate * left;
  if (learning_rate_schedule === 'cosine') return (learning_rate * (1 - Math.cos(Math.PI * left))) / 2;
  return learning_rate;
}

/** What the controller of β is made with. */
export function klOptions(config: Config): KlControllerOptions {
  const { controller, initial, minimum, weight, target, ramp_calls } = config.trust_region.beta;
  return { controller, initial, minimum, weight, target, rampCalls: ramp_calls };
}

/** Kernel table of a config's rollouts; null where its kernel is not valid on its schedule. */
export function plannedTable(config: Config): KernelTable | null {
  try {
    return kernelTable(kernelOptions(config));
  } catch (error) {
    if (error instanceof MethodError) return null;
    throw error;
  }
}

/** Groups of devices that each take other samples; as many as there are, where the numbers do not divide. */
export function dataParallelRanks(devices: number, sequenceParallel: number): number {
  return Math.max(1, Math.floor(devices / sequenceParallel));
}

/** How an iteration is divided, when every video of it can be scored. */
export interface IterationPlan {
  /** P·G */
  rollouts: number;
  /** Groups of devices that each take other samples. */
  ranks: number;
  /** Micro-batches of a rank. */
  microBatches: number;
  /** Explored steps, ascending. */
  explored: number[];
  /** Explored steps that each sample is trained on. */
  trainedSteps: number;
  /** Micro-batches × trained steps: forward and backward passes of a rank, and calls of the controller of β. */
  replays: number;
  updates: number;
  /** Samples, each at one step, whose gradients are averaged in one update, over all ranks. */
  effectiveBatch: number;
}

/** The division of a config's iterations; null where the numbers do not divide or nothing is trained. */
export function planIteration(config: Config): IterationPlan | null {
  const { policy, rollout, training } = config;
  const table = plannedTable(config);
  const explored = table === null ? [] : exploredSteps(table);
  const ranks = policy.devices / policy.sequence_parallel;
  const rollouts = rollout.prompts_per_iteration * rollout.generations;
  const microBatches = rollouts / ranks / training.micro_batch;
  const trainedSteps = Math.min(training.steps_per_sample ?? explored.length, explored.length);
  const replays = microBatches * trainedSteps;
  const updates = replays / training.accumulation;
  const whole = [ranks, rollouts / ranks, microBatches, updates].every(Number.isInteger);
  if (!whole || explored.length === 0) return null;
  const effectiveBatch = training.micro_batch * training.accumulation * ranks;
  return { rollouts, ranks, microBatches, explored, trainedSteps, replays, updates, effectiveBatch };
}

/** Of one pass through the network of the torch policy; more rows are several passes of equal size. */
const mostRows = 16;

/**
 * Rows that one device of the torch policy sends through the network together, where the model takes so many and memory
 * has room for them. Sampling and replay take the same number, for a row's bits may depend on it: so never more than a
 * rank's share of the rollouts, nor than the (sample, step) pairs that are replayed in one go.
 */
export function rowsPerPass(config: Config): number {
  const { policy, rollout, training } = config;
  const ranks = dataParallelRanks(policy.devices, policy.sequence_parallel);
  const rollouts = Math.ceil((rollout.prompts_per_iteration * rollout.generations) / ranks);
  const replays = training.measure_gradient === 'all' ? 1 : training.accumulation;
  const wanted = Math.min(training.micro_batch * replays, Math.max(rollouts, training.micro_batch));
  return Math.ceil(wanted / Math.ceil(wanted / mostRows));
}

/** What comes round every few iterations of a run. */
export type Recurring = 'evaluation' | 'checkpoints' | 'videos';

/**
 * Whether an iteration (1-based) is followed by an evaluation or a checkpoint, or has its rollouts written. Evaluations and
 * checkpoints come after the last iteration in any case, and once before the first.
 */
export function isDue(config: Config, what: Recurring, iteration: number): boolean {
  const { every } = config[what];
  const turn = every > 0 && iteration % every === 0;
  const last = iteration === config.training.iterations;
  return what === 'videos' ? every > 0 && (turn || last || iteration === 1) : turn || last;
}

/** How often it comes round in the whole run: evaluations and checkpoints also before the first iteration. */
export function timesDue(config: Config, what: Recurring): number {
  const { every } = config[what];
  const { iterations } = config.training;
  if (what === 'videos' && every === 0) return 0;
  const turns = every === 0 ? 0 : Math.floor(iterations / every);
  const last = every === 0 || iterations % every !== 0 ? 1 : 0;
  const first = what === 'videos' ? Number(every !== 1 && iterations !== 1) : 1;
  return turns + last + first;
}

/** Videos that one evaluation samples. @param prompts number of its prompts */
export function videosOfEvaluation({ evaluation }: Config, prompts: number): number {
  return Math.min(prompts * evaluation.videos_per_prompt, evaluation.max_videos);
}

/** Files that a run writes of its rollouts and of its evaluations. @param prompts number of evaluation prompts */
export function plannedVideoFiles(config: Config, prompts: number): { rollouts: number; evaluations: number } {
  const { rollout, videos } = config;
  const perPrompt = Math.min(videos.per_prompt ?? rollout.generations, rollout.generations);
  const ofEach = videos.every === 0 ? 0 : Math.min(videos.evaluation, videosOfEvaluation(config, prompts));
  return {
    rollouts: timesDue(config, 'videos') * rollout.prompts_per_iteration * perPrompt,
    evaluations: timesDue(config, 'evaluation') * ofEach,
  };
}
