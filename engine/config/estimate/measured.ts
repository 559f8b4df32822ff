import type { ModelName } from '../key.ts';

/** Bytes for each token in one block of a transformer. */
interface BlockBytes {
  /** Kept from the forward pass for the backward pass. */
  kept: { none: number; lora: number };
  /** Most that is alive during the block's forward and backward pass, what is kept included. */
  most: { none: number; lora: number };
  /** Most that is alive in a forward pass without gradient. */
  forward: { none: number; lora: number };
}

type TorchModel = Exclude<ModelName, 'shapes'>;

/**
 * What the blocks of diffusers 0.40 (with peft's adapters of rank 64 in the precision of the weights) allocate for each of
 * 65,536 tokens, followed tensor by tensor on torch's meta device: `test/bench/architecture_torch.py`. Attention is a
 * kernel that never holds all pairs of tokens, and has no mask.
 */
export const blockBytes: Record<TorchModel, Record<'bf16' | 'fp32', BlockBytes>> = {
  'hunyuan-video-1.5': {
    bf16: {
      kept: { none: 114_899, lora: 91_090 },
      most: { none: 136_915, lora: 127_886 },
      forward: { none: 45_057, lora: 61_441 },
    },
    fp32: {
      kept: { none: 196_821, lora: 149_204 },
      most: { none: 240_853, lora: 222_795 },
      forward: { none: 90_114, lora: 122_882 },
    },
  },
  'wan-2.1': {
    bf16: {
      kept: { none: 143_637, lora: 104_679 },
      most: { none: 168_213, lora: 146_555 },
      forward: { none: 45_057, lora: 62_977 },
    },
    fp32: {
      kept: { none: 207_173, lora: 166_169 },
      most: { none: 249_997, lora: 243_778 },
      forward: { none: 90_113, lora: 125_953 },
    },
  },
};

/** Pixels of a side of the tiles in which the autoencoders of diffusers decode, and from one to the next. */
export const tile = { side: 256, stride: 192 } as const;

/**
 * Memory of decoding, followed in the same way: what is alive for each pixel of a tile in bytes of one number, and how many
 * copies of the finished pixels there are where tiles are put together. HunyuanVideo's decoder holds seven maps of its 128
 * finest channels of all frames at once; Wan's works on four frames, so what it holds does not grow with them.
 */
export const decoding: Record<TorchModel, { perPixel: number; frames: 'all' | 'four'; assembled: number }> = {
  'hunyuan-video-1.5': { perPixel: 7 * 128, frames: 'all', assembled: 1.3 },
  'wan-2.1': { perPixel: 19_481 / 4, frames: 'four', assembled: 1.4 },
};

/**
 * The embedded model on one core of an Intel Xeon of 2026 (two cores, shared), from the stages of
 * `test/bench/results/bench.json` and of demo runs on it. `npm run bench -- --only estimate` holds it against a new run.
 */
export const shapesRates = {
  /** Floating-point operations a second of the velocity, update and decoder graphs. */
  sample: 53e9,
  update: 43e9,
  decode: 84e9,
  /** Seconds a video that the judge takes, on one core however many there are. */
  judge: 1.84e-3,
  /** Seconds until all threads have begun and ended a task. */
  task: 0.8e-3,
  /** Seconds a parameter of an optimizer step, on one core. */
  optimizer: 7e-9,
  /** Seconds a pixel of a written video, on one core beside the trainer, and the share of it that training waits for. */
  encode: 4e-8,
  encodeWaited: 0.55,
  /** Seconds until the first iteration begins. */
  start: 1.5,
} as const;

/** Rows that one task part of the embedded model has, and its largest number of parts in an update. */
export const shapesParts = { rows: 16, most: 16 } as const;

const mebibyte = 2 ** 20;

/**
 * Resident memory of the trainer on the embedded model, from peaks (VmHWM) of runs with 1 to 8 threads, 8 to 512 rollouts an
 * iteration, with and without guidance and videos. `test/e2e/estimate.test.ts` holds it against a run.
 */
export const shapesMemory = {
  /** Node.js, onnxruntime and the trainer's own code and values. */
  program: 195 * mebibyte,
  /** A thread with its graphs and what they compute with; one that never gets a part; the graphs of guidance. */
  lane: 80 * mebibyte,
  idleLane: 40 * mebibyte,
  guidedLane: 36 * mebibyte,
  /** Pixels of a rollout, thrice, and what the judge finds in them. */
  perRollout: 0.3 * mebibyte,
  /** The thread that encodes, and bytes for each pixel of a video that it writes. */
  encoder: 7 * mebibyte,
  perPixel: 30,
} as const;
