import { existsSync } from 'node:fs';
import path from 'node:path';
import { assertRunnable } from '../config/runnable.ts';
import type { Config } from '../config/schema.ts';
import { exitCodes, SageError } from '../errors.ts';
import { createVideoWriter, type VideoWriter } from '../media/writer.ts';
import { createShapesPolicy } from '../policy/onnx/shapes-policy.ts';
import type { Policy } from '../policy/policy.ts';
import type { Reward } from '../reward/reward.ts';
import { createShapesJudge } from '../reward/shapes-judge.ts';
import { createTorchPolicy } from '../policy/torch/torch-policy.ts';
import { createWorkerReward } from '../policy/torch/worker-reward.ts';
import { createWorkerVideos } from '../policy/torch/worker-videos.ts';
import { startWorker, type WorkerSettings } from '../policy/torch/worker.ts';

/** What a run is made with: the model, what judges its videos, and what writes them. */
export interface Parts {
  policy: Policy;
  reward: Reward;
  videos: VideoWriter;
  /** Where the output of processes that they started belongs: the run's log, once there is one. */
  logTo(file: string): void;
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
  return config.policy.backend === 'torch' ? createTorchParts(config, baseFolder) : createOnnxParts(config, baseFolder);
}

/** The embedded engine: everything in this process. */
async function createOnnxParts(config: Config, baseFolder: string): Promise<Parts> {
  if (config.reward.model !== 'shapes-judge') throw needsTorch(config);
  const { weights, threads } = config.policy;
  const file = weights === null ? {} : { weightsFile: path.resolve(baseFolder, weights) };
  const policy = await createShapesPolicy({ threads, ...file });
  const { framesPerSecond } = policy.describe().video;
  const videos = createVideoWriter({ quality: config.videos.quality, framesPerSecond });
  return {
    policy,
    reward: createShapesJudge(),
    videos,
    logTo() {},
    async close() {
      await videos.close();
      await policy.dispose();
    },
  };
}

/**
 * The Python worker. The judge of the Shapes world and the writer of its small videos are this process's own; any other
 * reward model scores in the worker, and videos of other models are written there.
 */
async function createTorchParts(config: Config, baseFolder: string): Promise<Parts> {
  const judged = config.reward.model === 'shapes-judge';
  const worker = await startWorker(workerSettings(config, baseFolder), config.policy.devices);
  const policy = createTorchPolicy(worker);
  const { quality } = config.videos;
  const { framesPerSecond } = policy.describe().video;
  const own = config.policy.model === 'shapes';
  const videos = own ? createVideoWriter({ quality, framesPerSecond }) : createWorkerVideos(worker, quality);
  return {
    policy,
    reward: judged ? createShapesJudge() : createWorkerReward(worker, config.reward.model),
    videos,
    logTo: worker.logTo,
    async close() {
      await videos.close();
      await policy.dispose();
    },
  };
}

function workerSettings(config: Config, base: string): WorkerSettings {
  const { policy, sampling, reward, training, seed } = config;
  const { model, precision, adapter, activation_checkpointing: activationCheckpointing } = policy;
  const { frames, height, width } = sampling;
  return {
    model,
    weights: policy.weights === null ? null : placeOfWeights(policy.weights, base),
    sampling: { frames, height, width },
    precision,
    adapter,
    activationCheckpointing,
    microBatch: training.micro_batch,
    seed,
    reward:
      reward.model === 'shapes-judge'
        ? null
        : { models: [reward.model], python: null, heldOut: [], checkpoints: {}, base },
  };
}

/** A path where there is one of that name, else the name of a repository. */
export function placeOfWeights(weights: string, base: string): string {
  const file = path.resolve(base, weights);
  return existsSync(file) ? file : weights;
}

function needsTorch(config: Config): SageError {
  return new SageError(
    'reward/torch-needed',
    `The reward model ${config.reward.model} needs the torch policy.`,
    'Set policy.backend to torch, or reward.model to shapes-judge.',
    { place: { key: 'reward.model' }, exitCode: exitCodes.usage },
  );
}
