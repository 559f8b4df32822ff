import type { Config } from '../schema.ts';
import type { ModelName } from '../key.ts';
import { assumptionsOf } from './assumptions.ts';
import { gpus, usualGpu } from './devices.ts';
import type { DeviceName } from './names.ts';
import { diskOf, type DiskEstimate } from './disk.ts';
import { countAdapter } from './layers.ts';
import { gpuMemory, type MemoryEstimate } from './memory.ts';
import { latentOf, modelFacts, tokensOf, type Latent } from './models.ts';
import { rewardParameters } from './scoring.ts';
import { processMemory, shapesSeconds } from './shapes.ts';
import { gpuSeconds, shapesBesides, together, workFlops, type TimeEstimate, type WorkFlops } from './time.ts';
import { workloadOf, type Workload } from './workload.ts';

/** What a config is expected to take, and on what that rests. A record of plain data. */
export interface Estimate {
  model: ModelName;
  title: string;
  device: {
    name: DeviceName;
    title: string;
    /** Devices of the run; threads on the CPU. */
    count: number;
    /** Bytes of one; null where that is the machine's own. */
    memory: number | null;
  };
  tokens: { video: number; text: number; latent: Latent };
  parameters: {
    policy: number;
    trained: number;
    autoencoder: number;
    /** null: rules score, not a network. */
    reward: number | null;
    textEncoders: number;
  };
  work: Workload;
  flops: WorkFlops;
  /** Of one device; on the CPU of the trainer's process. */
  memory: MemoryEstimate & { fits: boolean | null };
  seconds: TimeEstimate;
  disk: DiskEstimate;
  assumptions: string[];
}

/** What the text of a config does not say. */
export interface EstimateOptions {
  device?: DeviceName;
  /** Prompts of the evaluation, where they are known. */
  evaluationPrompts?: number;
}

/** The device that an estimate is for: the embedded model runs on the CPU alone, the others on a GPU. */
function deviceOf({ policy }: Config, wanted: DeviceName | undefined): DeviceName {
  if (policy.model === 'shapes') return 'cpu';
  return wanted === undefined || wanted === 'cpu' ? usualGpu : wanted;
}

/** Prompts of the evaluation as far as the config itself says. */
function knownPrompts({ prompts, evaluation }: Config): number | undefined {
  const source = evaluation.prompts ?? prompts;
  return Array.isArray(source) ? source.length : source === 'all' ? 72 : undefined;
}

/** What a config is expected to take of time, memory and disk. Pure and fast: a fraction of a millisecond. */
export function estimateConfig(config: Config, options: EstimateOptions = {}): Estimate {
  const { policy, sampling } = config;
  const name = deviceOf(config, options.device);
  const model = modelFacts(policy.model);
  const evaluationPrompts = options.evaluationPrompts ?? knownPrompts(config);
  const work = workloadOf(config, { evaluationPrompts });
  const flops = workFlops(config, work);
  const isShapes = policy.model === 'shapes';
  const lora = !isShapes && policy.adapter.kind === 'lora';
  const { video, text } = tokensOf(model, sampling);
  const gpu = name === 'cpu' ? null : gpus[name];
  const memory = isShapes ? processMemory(config, work) : gpuMemory(config, work, gpu?.memory ?? Infinity);
  return {
    model: policy.model,
    title: model.title,
    device: {
      name,
      title: gpu?.title ?? 'this CPU',
      count: gpu === null ? policy.threads : work.devices,
      memory: gpu?.memory ?? null,
    },
    tokens: { video, text, latent: latentOf(model, sampling) },
    parameters: {
      policy: model.parameters,
      trained: lora ? countAdapter(model.network.layers, policy.adapter.rank) : model.parameters,
      autoencoder: model.autoencoderParameters,
      reward: isShapes ? null : rewardParameters(config),
      textEncoders: model.textEncoderParameters,
    },
    work,
    flops,
    memory: { ...memory, fits: gpu === null ? null : memory.total <= gpu.memory },
    seconds: gpu === null ? cpuSeconds(config, work) : gpuSeconds(config, work, flops, gpu),
    disk: diskOf(config, work),
    assumptions: assumptionsOf(config, gpu, evaluationPrompts !== undefined),
  };
}

function cpuSeconds(config: Config, work: Workload): TimeEstimate {
  const { iteration, evaluation } = shapesSeconds(config, work);
  const seconds = together(config, work, { ...iteration, evaluation });
  return { ...seconds, run: seconds.run + shapesBesides(config, work) };
}
