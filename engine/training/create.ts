import path from 'node:path';
import { assertRunnable } from '../config/runnable.ts';
import type { Config } from '../config/schema.ts';
import { exitCodes, SageError } from '../errors.ts';
import { createVideoWriter, type VideoWriter } from '../media/writer.ts';
import { createShapesPolicy } from '../policy/onnx/shapes-policy.ts';
import type { Policy } from '../policy/policy.ts';
import type { Reward } from '../reward/reward.ts';
import { createShapesJudge } from '../reward/shapes-judge.ts';

/** What a run is made with: the model, what judges its videos, and what writes them. */
export interface Parts {
  policy: Policy;
  reward: Reward;
  videos: VideoWriter;
  /** Ends what they started: threads, processes. */
  close(): Promise<void>;
}

/**
 * The parts that a config names.
 * @param baseFolder where relative paths of the config start
 * @throws SageError (exit code 2) for a model or a reward that this engine cannot run
 */
export async function createParts(config: Config, baseFolder: string): Promise<Parts> {
  assertRunnable(config);
  const reward = createReward(config);
  const { weights, threads } = config.policy;
  const file = weights === null ? {} : { weightsFile: path.resolve(baseFolder, weights) };
  const policy = await createShapesPolicy({ threads, ...file });
  const { framesPerSecond } = policy.describe().video;
  const videos = createVideoWriter({ quality: config.videos.quality, framesPerSecond });
  return {
    policy,
    reward,
    videos,
    async close() {
      await videos.close();
      await policy.dispose();
    },
  };
}

function createReward(config: Config): Reward {
  if (config.reward.model === 'shapes-judge') return createShapesJudge();
  throw new SageError(
    'reward/torch-needed',
    `The reward model ${config.reward.model} needs the torch policy, which is not part of this version.`,
    'Set reward.model to shapes-judge to train the Shapes model.',
    { place: { key: 'reward.model' }, exitCode: exitCodes.usage },
  );
}
