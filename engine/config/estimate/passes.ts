import { rowsPerPass } from '../plan.ts';
import type { Config } from '../schema.ts';
import { tokensOf, type ModelFacts } from './models.ts';
import type { Workload } from './workload.ts';

/** `SATURATED` of the worker (`models/guidance.py`): tokens of one row that keep a GPU busy alone. */
export const saturated = 8192;

/** How the torch worker divides samples and branches of guidance into passes through the network. */
export interface Passes {
  /** Samples of one pass. */
  samples: number;
  /** Rows of one pass of a rollout and of an update: samples, times two where branches of guidance share a pass. */
  rolloutRows: number;
  updateRows: number;
}

/**
 * The passes of a config on GPUs. Rows of equal length share one only where a row does not keep the GPU busy.
 * @param most rows that memory has room for
 */
export function passesOf(config: Config, model: ModelFacts, workload: Workload, most = Infinity): Passes {
  const { policy, sampling } = config;
  const long = tokensOf(model, sampling).video > saturated;
  // Texts without padding differ in length, and every process must make as many passes as the others.
  const alone = long || (model.trimmedText && workload.devices > 1);
  const samples = alone ? 1 : Math.min(rowsPerPass(config), most);
  const batched = policy.guidance_batching === 'auto' ? !long : policy.guidance_batching === 'batched';
  const { rolloutBranches, trainBranches } = workload;
  return {
    samples,
    rolloutRows: samples * (batched ? rolloutBranches : 1),
    updateRows: samples * (batched ? trainBranches : 1),
  };
}
