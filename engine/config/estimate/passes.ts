import type { Config } from '../schema.ts';
import { tokensOf, type ModelFacts } from './models.ts';
import type { Workload } from './workload.ts';

/**
 * `SATURATED` and `MOST_ROWS` of the worker (`models/guidance.py`, `policy.py`): tokens of one row that keep a GPU busy
 * alone, and samples that are replayed together at most.
 */
export const passLimits = { tokens: 8192, samples: 16 } as const;

/** How the torch worker divides samples and branches of guidance into passes through the network. */
export interface Passes {
  /** Samples whose velocities are computed together, in one pass or in several. */
  samples: number;
  /** Rows of one pass of a rollout and of an update: samples, times two where branches of guidance share a pass. */
  rolloutRows: number;
  updateRows: number;
}

/** The passes of a config on GPUs. Rows of equal length share one only where a row does not keep the GPU busy. */
export function passesOf(config: Config, model: ModelFacts, workload: Workload): Passes {
  const { policy, training, sampling } = config;
  const long = tokensOf(model, sampling).video > passLimits.tokens;
  const samples = Math.ceil(training.micro_batch / Math.ceil(training.micro_batch / passLimits.samples));
  // Texts without padding differ in length, and every process must make as many passes as the others.
  const alone = long || (model.trimmedText && workload.devices > 1);
  const rows = alone ? 1 : samples;
  const batched = policy.guidance_batching === 'auto' ? !long : policy.guidance_batching === 'batched';
  const { rolloutBranches, trainBranches } = workload;
  return {
    samples,
    rolloutRows: rows * (batched ? rolloutBranches : 1),
    updateRows: rows * (batched ? trainBranches : 1),
  };
}
