import type { Config } from '../schema.ts';
import { convolutionFlops } from './autoencoders.ts';
import type { Gpu } from './devices.ts';
import { forwardFlops, totalFlops, trainingFlops } from './flops.ts';
import { shapesRates, tile } from './measured.ts';
import { latentOf, modelFacts, tokensOf } from './models.ts';
import { scoringFlops } from './scoring.ts';
import type { Workload } from './workload.ts';
import { writtenVideos } from './disk.ts';

/** Seconds of the stages of an iteration. */
export interface StageSeconds {
  rollout: number;
  decode: number;
  score: number;
  update: number;
}

/** Seconds of an iteration and of a run. */
export interface TimeEstimate extends StageSeconds {
  iteration: number;
  /** One evaluation. */
  evaluation: number;
  /** All iterations and evaluations. */
  run: number;
}

/** Floating-point operations, of the whole run's devices together. */
export interface WorkFlops {
  /** One evaluation of the network for one sample. */
  forward: number;
  /** One replay of a sample at a step: forward and backward passes, and the velocities it is compared with. */
  replay: number;
  /** Decoding and scoring one video. */
  decode: number;
  score: number;
  iteration: number;
}

/** Operations of a config's parts. */
export function workFlops(config: Config, workload: Workload): WorkFlops {
  const { policy, sampling } = config;
  const model = modelFacts(policy.model);
  const lora = policy.model !== 'shapes' && policy.adapter.kind === 'lora';
  const parts = forwardFlops(model.network, tokensOf(model, sampling), lora ? policy.adapter.rank : null);
  const forward = totalFlops(parts);
  const recomputed = policy.model !== 'shapes' && policy.activation_checkpointing;
  const training = trainingFlops(parts, { frozen: lora, recomputed });
  const replay = workload.trainBranches * (training + workload.references * forward);
  const decode = decodingFlops(config);
  const score = policy.model === 'shapes' ? 0 : scoringFlops(sampling, model.framesPerSecond);
  const { rollouts, trained, rolloutBranches } = workload;
  const each = sampling.steps * rolloutBranches * forward + decode + score + trained * replay;
  return { forward, replay, decode, score, iteration: rollouts * each };
}

/** Lengths of the tiles that cover a length, in latent positions. */
function tiles(length: number, space: number): number[] {
  const [side, stride] = [tile.side / space, tile.stride / space];
  if (length <= side) return [length];
  return Array.from({ length: Math.ceil(length / stride) }, (_, i) => Math.min(side, length - i * stride));
}

/** Operations to decode one video, overlaps of tiles counted as often as they are decoded. */
function decodingFlops({ policy, sampling }: Config): number {
  const model = modelFacts(policy.model);
  const { frames, rows, columns } = latentOf(model, sampling);
  // The embedded model decodes its latent frames one by one, each by convolutions of two dimensions.
  if (policy.model === 'shapes') return frames * convolutionFlops(model.decoder, { frames: 1, rows, columns });
  const covered = (length: number, other: number) => {
    const lengths = length > tile.side / model.ratio.space || other > tile.side / model.ratio.space;
    return lengths ? tiles(length, model.ratio.space).reduce((sum, size) => sum + size, 0) : length;
  };
  // Operations are in proportion to the area, so that the tiles can be taken as one large picture.
  return convolutionFlops(model.decoder, { frames, rows: covered(rows, columns), columns: covered(columns, rows) });
}

/** Time on GPUs: operations over the rate that is assumed to be reached. */
export function gpuSeconds(config: Config, workload: Workload, flops: WorkFlops, gpu: Gpu): TimeEstimate {
  const { policy, sampling } = config;
  const { sequenceParallel, ranks, rolloutsPerRank, replaysPerRank, rolloutBranches } = workload;
  const peak = gpu.peak[policy.precision];
  const rate = peak * gpu.achieved.transformer * sequenceParallel;
  const decoderPeak = policy.model === 'wan-2.1' ? gpu.peak.fp32 : peak;
  // GPUs that share a video decode and score it on one of them.
  const decode = flops.decode / (decoderPeak * gpu.achieved.decoder);
  const score = flops.score / (gpu.peak.bf16 * gpu.achieved.reward);
  const sample = (steps: number) => (steps * rolloutBranches * flops.forward) / rate;
  const evaluated = Math.ceil(workload.evaluationVideos / ranks);
  return together(config, workload, {
    rollout: rolloutsPerRank * sample(sampling.steps),
    decode: rolloutsPerRank * decode,
    score: rolloutsPerRank * score,
    update: (replaysPerRank * flops.replay) / rate,
    evaluation: evaluated * (sample(workload.evaluationSteps) + decode + score),
  });
}

/** Adds the stages up to an iteration and the iterations and evaluations to a run. */
export function together(
  config: Config,
  { evaluations }: Workload,
  { evaluation, ...stages }: StageSeconds & { evaluation: number },
): TimeEstimate {
  const iteration = stages.rollout + stages.decode + stages.score + stages.update;
  return { ...stages, iteration, evaluation, run: config.training.iterations * iteration + evaluations * evaluation };
}

/** Seconds that a run of the embedded model takes besides: until it begins, and while it waits for videos to be written. */
export function shapesBesides(config: Config, workload: Workload): number {
  const pixels = config.sampling.frames * (32 * config.videos.scale) ** 2;
  return shapesRates.start + writtenVideos(config, workload) * pixels * shapesRates.encode * shapesRates.encodeWaited;
}
