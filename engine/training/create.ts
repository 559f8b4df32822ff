import path from 'node:path';
import { rewardText } from '../config/reward.ts';
import { assertRunnable } from '../config/runnable.ts';
import type { Config } from '../config/schema.ts';
import { exitCodes, SageError } from '../errors.ts';
import { createShapesPolicy } from '../policy/onnx/shapes-policy.ts';
import type { Policy } from '../policy/policy.ts';
import type { Reward } from '../reward/reward.ts';
import { createShapesJudge } from '../reward/shapes-judge.ts';

/**
 * The policy that a config names.
 * @param baseFolder where relative paths of the config start
 * @throws SageError (exit code 2) for a model that this engine cannot run
 */
export async function createPolicy(config: Config, baseFolder: string): Promise<Policy> {
  assertRunnable(config);
  const { weights, threads } = config.policy;
  return createShapesPolicy({ threads, ...(weights ? { weightsFile: path.resolve(baseFolder, weights) } : {}) });
}

/** The reward model that a config names. */
export function createReward(config: Config): Reward {
  if (rewardText(config) === 'shapes-judge') return createShapesJudge();
  throw new SageError(
    'reward/torch-needed',
    `The reward ${rewardText(config)} needs the torch policy, which is not part of this version.`,
    'Set reward.model to shapes-judge to train the Shapes model.',
    { place: { key: 'reward.model' }, exitCode: exitCodes.usage },
  );
}
