import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { isCheckpointPath, isWeightsPath } from './bases.ts';
import { pythonReward } from './reward.ts';
import type { Config } from './schema.ts';

/**
 * A config whose weights, checkpoints and Python reward are absolute paths: a run is resumed from its own folder, where a
 * path relative to the config would lead nowhere. Repositories of the Hugging Face hub stay as they are, unless a folder
 * of that name lies there.
 */
export function withAbsolutePaths(config: Config, baseFolder: string): Config {
  const { policy, reward } = config;
  const found = (name: string | null, isPath: (name: string) => boolean) => {
    if (name === null) return null;
    const file = resolve(baseFolder, name);
    return isPath(name) || existsSync(file) ? file : name;
  };
  const { videoalign, clipscore, pickscore } = reward.checkpoints;
  return {
    ...config,
    policy: { ...policy, weights: found(policy.weights, (name) => isWeightsPath(name, policy.model)) },
    reward: {
      ...reward,
      python: absoluteFunction(reward.python, baseFolder),
      checkpoints: {
        videoalign: found(videoalign, isCheckpointPath),
        clipscore: found(clipscore, isCheckpointPath),
        pickscore: found(pickscore, isCheckpointPath),
      },
    },
  };
}

function absoluteFunction(python: string | null, baseFolder: string): string | null {
  if (python === null) return null;
  const { file, name } = pythonReward(python);
  return `${resolve(baseFolder, file)}:${name}`;
}
