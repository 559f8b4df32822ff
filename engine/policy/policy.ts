import type { KernelTable } from '../method/kernels.ts';
import type { NoiseKey } from '../method/random.ts';

export type { NoiseKey };

/** Pixels of one video: `F*H*W*3` values in [0, 1], frame-major, row-major, RGB interleaved. */
export interface Video {
  frames: number;
  height: number;
  width: number;
  pixels: Float32Array;
}

/**
 * A video of a rollout, wherever its pixels are: they are fetched when someone looks at them, and can be until the
 * rollout is released.
 */
export interface SampledVideo {
  readonly frames: number;
  readonly height: number;
  readonly width: number;
  load(): Promise<Video>;
}

/** A video whose pixels are in this process. */
export function loadedVideo(video: Video): SampledVideo {
  const { frames, height, width } = video;
  return { frames, height, width, load: async () => video };
}

/** One sample of a batch: a prompt and the key of the generator that draws all of its noise. */
export interface SampleSpec {
  prompt: string;
  /** Key of the sample's own generator (see `method/random.ts`): run seed, stream, iteration, prompt, generation. */
  key: NoiseKey;
}

export interface RolloutRequest {
  samples: readonly SampleSpec[];
  table: KernelTable;
  /** Steps whose latents and log-probabilities are kept for replay, ascending; empty for evaluation. */
  trainedSteps: readonly number[];
  guidance: number;
  /** Replay the guided velocity (true) or the conditional branch alone (false). */
  trainGuidance: boolean;
  /** Told of a long rollout's passes through the network. */
  progress?(done: number, of: number): void;
}

export interface RolloutResult {
  /** Names the kept trajectories, until `release` is called; sample i keeps its place. */
  handle: string;
  /** In the order of the samples. */
  videos: SampledVideo[];
  /** `[N][K]` log-probability of each kept step under the sampling policy, K = trainedSteps.length. */
  logProbs_N_K: Float64Array[];
  seconds: { sample: number; decode: number };
}

/** One kept step of some samples. */
export interface Replay {
  /** Samples of the micro-batch, by index into the rollout. */
  samples: readonly number[];
  /** The step k replayed for every sample of this micro-batch; must be one of the rollout's trainedSteps. */
  step: number;
  /** `[M]` group advantages, in the order of `samples`. */
  advantages_M: readonly number[];
  /** e_k, multiplies the policy loss only (method: gradient-norm equalizer). */
  equalizer: number;
}

/** How the loss of a replay is made, besides what is the replay's own. */
export interface LossOptions {
  clipRange: number;
  beta: number;
  anchorWeight: number;
  stepwiseWeight: number;
  stepwiseEstimator: 'k1' | 'k3';
  /** Whether the anchor exists (`trust_region.anchor.mode` is not `none`). */
  useAnchor: boolean;
  /** Whether the drift from the pre-trained model is wanted, which costs a large model another forward pass. */
  measureReference: boolean;
  /** The gradient of each replay's mean loss is multiplied by this before it is accumulated (1 / replays per update). */
  gradientScale: number;
}

/** Replays that are computed in one go: (sample, step) pairs of several steps may share passes through the network. */
export interface ForwardBackwardRequest extends LossOptions {
  handle: string;
  replays: readonly Replay[];
}

/** Means over the micro-batch unless a suffix says otherwise. */
export interface ReplayResult {
  loss: number;
  policyLoss: number;
  ratio: number;
  /** max |ratio − 1| over the micro-batch. */
  ratioDeviation: number;
  /** Share of samples whose surrogate took the clipped branch. */
  clipFraction: number;
  /** mean(exp(ℓ_θ − ℓ_old) − 1 − (ℓ_θ − ℓ_old)): the low-variance estimate, whatever the loss uses. */
  approxKl: number;
  /** mean[(μ_θ − μ_anchor)²] / (2·(s_k² + 1e-6)), not weighted; 0 without an anchor. */
  klAnchor: number;
  klStep: number;
  /**
   * ‖gradient of the micro-batch's mean loss‖, as it is accumulated (after equalization, before gradientScale); null where
   * several replays were computed in one go: their gradients come as one sum.
   */
  gradientNorm: number | null;
  /** The same before equalization: gradientNorm / e_k. */
  gradientNormRaw: number | null;
  /** E‖v_θ − v_ref‖² / E‖v_ref‖² from the pre-trained model; null where it was not asked for. */
  driftReference: number | null;
  /** The same from the anchor; null without one. */
  driftAnchor: number | null;
}

export interface OptimStepRequest {
  learningRate: number;
  weightDecay: number;
  beta1: number;
  beta2: number;
  epsilon: number;
  maxGradientNorm: number;
}

export interface OptimStepResult {
  /** Norm of the accumulated gradient before clipping. */
  gradientNorm: number;
  /** Norm of the change of the parameters. */
  updateNorm: number;
  /** True when the gradient was not finite and the step was left out. */
  skipped: boolean;
}

export interface PolicyDescription {
  model: string;
  backend: 'onnx' | 'torch';
  device: string;
  parameters: number;
  threads: number;
  /** Latent shape of one sample. */
  latentShape: number[];
  video: { frames: number; height: number; width: number; framesPerSecond: number };
  versions: Record<string, string>;
}

/**
 * The seam between the algorithm and the hardware. Calls are strictly ordered: await one before the next.
 * Trajectories and pixels stay where the policy lives; numbers and file names cross it, and the videos that are asked for.
 */
export interface Policy {
  describe(): PolicyDescription;
  /**
   * Gets prompts ready before they are sampled, where that takes long: text encoders are loaded once for all of them.
   * @throws SageError for a prompt that the model has no words for
   */
  encodePrompts(prompts: readonly string[]): Promise<void>;
  /** Samples latents through the kernel table, decodes them, keeps what replay needs. */
  rollout(request: RolloutRequest): Promise<RolloutResult>;
  /** Replays kept steps of some samples, accumulates the gradient of the losses; results in the order of the replays. */
  forwardBackward(request: ForwardBackwardRequest): Promise<ReplayResult[]>;
  /** Clips the accumulated gradient, steps AdamW, clears the gradient. */
  optimStep(request: OptimStepRequest): Promise<OptimStepResult>;
  /** Copies the current weights into the anchor. */
  setAnchor(): Promise<void>;
  /** Forgets the trajectories and the videos of a rollout. */
  release(handle: string): void;
  /** Writes weights, anchor and optimizer state into an existing folder; returns the file names. */
  saveState(folder: string): Promise<string[]>;
  loadState(folder: string): Promise<void>;
  /** Most bytes of memory that the model has taken so far: of the device, or of its process where that is a CPU. */
  peakMemory(): number;
  dispose(): Promise<void>;
}
