import path from 'node:path';
import type { Config } from '../config/schema.ts';
import { exitCodes, SageError } from '../errors.ts';
import { createShapesPolicy } from '../policy/onnx/shapes-policy.ts';
import type { Policy } from '../policy/policy.ts';
import type { Reward } from '../reward/reward.ts';
import { createShapesJudge } from '../reward/shapes-judge.ts';

/** @throws SageError (exit code 2) for a model that this engine cannot run */
export function assertRunnable(config: Config): void {
  const { model, backend } = config.policy;
  if (backend === 'onnx') return;
  throw new SageError(
    'policy/torch-needed',
    `${model} runs on the torch policy (Python and CUDA GPUs), which is not part of this version.`,
    'The config itself is valid. Set policy.model to shapes to train on this machine.',
    { place: { key: 'policy.backend' }, exitCode: exitCodes.usage },
  );
}

/**
 * The policy that a config names; check it by `assertRunnable` first.
 * @param baseFolder where relative paths of the config start
 */
export async function createPolicy(config: Config, baseFolder: string): Promise<Policy> {
  assertRunnable(config);
  const { weights, threads } = config.policy;
  return createShapesPolicy({ threads, ...(weights ? { weightsFile: path.resolve(baseFolder, weights) } : {}) });
}

/** The reward model that a config names. */
export function createReward(config: Config): Reward {
  if (config.reward.model === 'shapes-judge') return createShapesJudge();
  throw new SageError(
    'reward/torch-needed',
    `The reward model ${config.reward.model} needs the torch policy, which is not part of this version.`,
    'Set reward.model to shapes-judge to train the Shapes model.',
    { place: { key: 'reward.model' }, exitCode: exitCodes.usage },
  );
}
