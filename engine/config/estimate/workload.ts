import { dataParallelRanks, timesDue } from '../plan.ts';
import { countExplored } from '../rules-method.ts';
import type { Config } from '../schema.ts';

/** How much work a config is, counted as the trainer does it. */
export interface Workload {
  /** GPUs, 1 on the CPU. */
  devices: number;
  /** GPUs that share a video. */
  sequenceParallel: number;
  /** Groups of GPUs that each take other samples. */
  ranks: number;
  /** Videos of an iteration, of all ranks and of one. */
  rollouts: number;
  rolloutsPerRank: number;
  /** Explored steps, and how many of them are trained for each sample. */
  explored: number;
  trained: number;
  /** Samples at a step that one rank replays in an iteration. */
  replaysPerRank: number;
  /** Calls of the policy in which they are done, and optimizer updates. */
  microBatches: number;
  updates: number;
  /** Samples of a micro-batch on one device. */
  microBatch: number;
  /** Evaluations of the network for one velocity, in rollouts and in training: 2 with guidance. */
  rolloutBranches: number;
  trainBranches: number;
  /** Velocities without gradient that a replay needs: of the pre-trained model, for the drift, and of the anchor. */
  references: number;
  /** Evaluations of the run, videos of each and steps of each video. */
  evaluations: number;
  evaluationVideos: number;
  evaluationSteps: number;
}

/** What may be known besides the config: prompts of the evaluation, else as many as it may have; and explored steps. */
interface Known {
  evaluationPrompts?: number;
  explored?: number;
}

/** Counts the work of a config. */
export function workloadOf(config: Config, known: Known = {}): Workload {
  const { policy, rollout, sampling, training, evaluation } = config;
  const onCpu = policy.model === 'shapes';
  const devices = onCpu ? 1 : policy.devices;
  const sequenceParallel = onCpu ? 1 : Math.min(policy.sequence_parallel, devices);
  const ranks = dataParallelRanks(devices, sequenceParallel);
  const rollouts = rollout.prompts_per_iteration * rollout.generations;
  const rolloutsPerRank = Math.ceil(rollouts / ranks);
  const explored = known.explored ?? countExplored(config) ?? sampling.steps;
  const trained = Math.min(training.steps_per_sample ?? explored, explored);
  const microBatches = Math.ceil(rolloutsPerRank / training.micro_batch) * trained;
  const guided = sampling.guidance === 1 ? 1 : 2;
  const anchored = config.trust_region.anchor.mode;
  const prompts = known.evaluationPrompts ?? Infinity;
  return {
    ...{ devices, sequenceParallel, ranks, rollouts, rolloutsPerRank, explored, trained, microBatches },
    replaysPerRank: rolloutsPerRank * trained,
    updates: Math.ceil(microBatches / training.accumulation),
    microBatch: Math.min(training.micro_batch, rolloutsPerRank),
    rolloutBranches: guided,
    trainBranches: sampling.train_guidance ? guided : 1,
    references: Number(anchored !== 'none') + driftPasses(config, Math.ceil(rolloutsPerRank / training.micro_batch)),
    evaluations: timesDue(config, 'evaluation'),
    evaluationVideos: Math.min(prompts * evaluation.videos_per_prompt, evaluation.max_videos),
    evaluationSteps: evaluation.steps ?? sampling.steps,
  };
}

/** Passes of the pre-trained model for the drift, by replay, where a step has so many micro-batches. */
function driftPasses({ policy, training, trust_region: trustRegion }: Config, microBatches: number): number {
  // The embedded model computes a fixed anchor beside the equal pre-trained model.
  if (policy.model === 'shapes') return 1;
  if (trustRegion.anchor.mode === 'fixed') return 0;
  return training.measure_drift === 'all' ? 1 : 1 / microBatches;
}
