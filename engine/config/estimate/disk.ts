import type { Config } from '../schema.ts';
import { countAdapter } from './layers.ts';
import { modelFacts } from './models.ts';
import { timesDue } from '../plan.ts';
import type { Workload } from './workload.ts';

/** Bytes that a run writes. */
export interface DiskEstimate {
  /** Checkpoints that are kept at the end: the newest, and the best beside them. */
  checkpoints: number;
  /** Of one: weights (or adapter), anchor and both moments of the optimizer. */
  checkpointBytes: number;
  /** Videos of rollouts and evaluations, each with its poster. */
  videos: number;
  videoBytes: number;
  /** The most that the run needs at a time: one checkpoint more than are kept, since the new one is written first. */
  total: number;
}

/** Bits a pixel of the embedded model's videos at quantizer 26, seen in a run, and of real video, which is assumed. */
const videoBits = { shapes: 0.096, real: 0.12 };
/** Bytes of a poster for each of its pixels, likewise. */
const posterBytes = { shapes: 0.1, real: 1.5 };

/** What a run writes to the disk. */
export function diskOf(config: Config, workload: Workload): DiskEstimate {
  const { keep, keep_best: keepBest } = config.checkpoints;
  const written = mostCheckpoints(config);
  const checkpoints = Math.min(keep + (keepBest ? 1 : 0), written);
  const checkpointBytes = bytesOfCheckpoint(config);
  const videos = writtenVideos(config, workload);
  const videoBytes = videos * bytesOfVideo(config);
  const total = Math.min(checkpoints + 1, written) * checkpointBytes + videoBytes;
  return { checkpoints, checkpointBytes, videos, videoBytes, total };
}

/** Checkpoints of a run if every evaluation is the best so far. */
function mostCheckpoints(config: Config): number {
  const due = timesDue(config, 'checkpoints');
  if (!config.checkpoints.keep_best) return due;
  return Math.min(config.training.iterations + 1, due + timesDue(config, 'evaluation') - 2);
}

/** Of everything that is trained: weights, anchor and both moments, in float32. */
function bytesOfCheckpoint({ policy, trust_region: trustRegion }: Config): number {
  const model = modelFacts(policy.model);
  const lora = policy.model !== 'shapes' && policy.adapter.kind === 'lora';
  const trained = lora ? countAdapter(model.network.layers, policy.adapter.rank) : model.parameters;
  return 4 * trained * (trustRegion.anchor.mode === 'none' ? 3 : 4);
}

/** Videos of a run that are written. */
export function writtenVideos(config: Config, { evaluations, evaluationVideos }: Workload): number {
  const { videos, rollout, training } = config;
  if (videos.every === 0) return 0;
  const each = rollout.prompts_per_iteration * Math.min(videos.per_prompt ?? Infinity, rollout.generations);
  const { iterations } = training;
  // The first and the last iteration, and every so many.
  const extra = (videos.every === 1 ? 0 : 1) + (iterations % videos.every === 0 ? 0 : 1);
  const times = Math.min(iterations, Math.floor(iterations / videos.every) + extra);
  return times * each + evaluations * Math.min(videos.evaluation, evaluationVideos);
}

/** An H.264 file halves with every six steps of its quantizer. */
function bytesOfVideo({ policy, sampling, videos }: Config): number {
  const kind = policy.model === 'shapes' ? 'shapes' : 'real';
  const picture = sampling.height * sampling.width * videos.scale ** 2;
  const bits = videoBits[kind] * 2 ** ((26 - videos.quality) / 6);
  return (picture * sampling.frames * bits) / 8 + picture * posterBytes[kind];
}
