import path from 'node:path';
import { rowsPerPass } from '../config/plan.ts';
import { heldOutMetrics, rewardModels, rewardText, rewardWeights } from '../config/reward.ts';
import type { Config } from '../config/schema.ts';
import { exitCodes, SageError } from '../errors.ts';
import { createVideoWriter, type VideoWriter } from '../media/writer.ts';
import { createShapesPolicy } from '../policy/onnx/shapes-policy.ts';
import type { Policy } from '../policy/policy.ts';
import { createTorchPolicy } from '../policy/torch/torch-policy.ts';
import { createWorkerReward } from '../policy/torch/worker-reward.ts';
import { createWorkerVideos } from '../policy/torch/worker-videos.ts';
import { startWorker, type Worker, type WorkerSettings } from '../policy/torch/worker.ts';
import { mixRewards } from '../reward/mix.ts';
import type { Reward } from '../reward/reward.ts';
import { createShapesJudge } from '../reward/shapes-judge.ts';

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
  return config.policy.backend === 'torch' ? createTorchParts(config, baseFolder) : createOnnxParts(config, baseFolder);
}

/** The embedded engine: everything in this process. */
async function createOnnxParts(config: Config, baseFolder: string): Promise<Parts> {
  if (workerReward(config, baseFolder) !== null) throw needsTorch(config);
  const { weights, threads } = config.policy;
  const file = weights === null ? {} : { weightsFile: path.resolve(baseFolder, weights) };
  const policy = await createShapesPolicy({ threads, ...file });
  return { ...closing(policy, ownWriter(config, policy)), reward: createShapesJudge(), logTo() {} };
}

/**
 * The Python worker. The judge of the Shapes world and the writer of its small videos are this process's own; all other
 * rewards score in the worker, and videos of other models are written there.
 */
async function createTorchParts(config: Config, baseFolder: string): Promise<Parts> {
  const settings = workerSettings(config, baseFolder);
  const worker = await startWorker(settings, config.policy.devices);
  try {
    return partsOf(worker, settings, config);
  } catch (error) {
    await worker.close();
    throw error;
  }
}

function partsOf(worker: Worker, settings: WorkerSettings, config: Config): Parts {
  const policy = createTorchPolicy(worker);
  const own = config.policy.model === 'shapes';
  const videos = own ? ownWriter(config, policy) : createWorkerVideos(worker, config.videos.quality);
  const rewards = [
    ...(rewardModels(config).includes('shapes-judge') ? [createShapesJudge()] : []),
    ...(settings.reward === null ? [] : [createWorkerReward(worker, workerRewardName(config))]),
  ];
  const reward = mixRewards(rewards);
  requireComponents(config, reward);
  return { ...closing(policy, videos), reward, logTo: worker.logTo };
}

/** What a function of one's own gives is known only now; a weight for what it does not give would drop every video. */
function requireComponents(config: Config, reward: Reward): void {
  const missing = Object.keys(rewardWeights(config)).find((name) => !reward.components.includes(name));
  if (missing === undefined) return;
  const weights = reward.components.map((name) => `${name}: ${rewardWeights(config)[name] ?? 1}`).join(', ');
  throw new SageError(
    'reward/components',
    `reward.weights has a weight for ${missing}, which ${rewardText(config)} does not give; it gives ${reward.components.join(', ')}.`,
    `Write \`reward: { weights: { ${weights} } }\`, with the weights that you want.`,
    { place: { key: 'reward.weights' }, exitCode: exitCodes.usage },
  );
}

function ownWriter(config: Config, policy: Policy): VideoWriter {
  const { framesPerSecond } = policy.describe().video;
  return createVideoWriter({ quality: config.videos.quality, framesPerSecond });
}

function closing(policy: Policy, videos: VideoWriter): Pick<Parts, 'policy' | 'videos' | 'close'> {
  async function close(): Promise<void> {
    await videos.close();
    await policy.dispose();
  }
  return { policy, videos, close };
}

function workerSettings(config: Config, base: string): WorkerSettings {
  const { policy, sampling, seed } = config;
  const { model, weights, precision, adapter } = policy;
  const { frames, height, width } = sampling;
  return {
    model,
    weights,
    sampling: { frames, height, width },
    precision,
    adapter,
    activationCheckpointing: policy.activation_checkpointing,
    guidanceBatching: policy.guidance_batching,
    offloadAnchor: policy.offload_anchor,
    rowsPerPass: rowsPerPass(config),
    seed,
    reward: workerReward(config, base),
  };
}

/** What of the reward is scored in Python; null where the judge of the Shapes world is all. */
function workerReward(config: Config, base: string): WorkerSettings['reward'] {
  const models = rewardModels(config).filter((name) => name !== 'shapes-judge');
  const heldOut = heldOutMetrics(config);
  const { python, checkpoints } = config.reward;
  if (models.length === 0 && python === null && heldOut.length === 0) return null;
  const named = Object.entries(checkpoints).filter((entry): entry is [string, string] => entry[1] !== null);
  return {
    models: [...new Set(models)],
    python,
    heldOut: [...new Set(heldOut)],
    checkpoints: Object.fromEntries(named),
    base,
  };
}

function workerRewardName(config: Config): string {
  return rewardText(config).replace(/^shapes-judge(, |$)/, '') || heldOutMetrics(config).join(', ');
}

function needsTorch(config: Config): SageError {
  return new SageError(
    'reward/torch-needed',
    `The reward ${workerRewardName(config)} is computed by the torch policy.`,
    'Set policy.backend to torch, or reward.model to shapes-judge alone.',
    { place: { key: 'reward.model' }, exitCode: exitCodes.usage },
  );
}
