/**
 * The numbers that define the models. Those of HunyuanVideo-1.5 and Wan2.1 are the defaults and published configs that
 * diffusers 0.40 reads, those of the text encoders and VideoAlign what transformers 5 reads; Shapes' are its own code's.
 */

/** HunyuanVideo-1.5: video and text each have their own layers in every block and attend to each other. */
export interface DualStreamArchitecture {
  kind: 'dual-stream';
  inChannels: number;
  outChannels: number;
  heads: number;
  headSize: number;
  blocks: number;
  refinerBlocks: number;
  mlpRatio: number;
  /** Latent frames, rows and columns of one token. */
  patch: readonly [number, number, number];
  /** Sizes of the embeddings by Qwen2.5-VL, ByT5 and the image encoder. */
  textSize: number;
  byt5Size: number;
  imageSize: number;
}

/** Wan2.1: video tokens attend to each other, then to the text. */
export interface CrossAttentionArchitecture {
  kind: 'cross-attention';
  inChannels: number;
  outChannels: number;
  heads: number;
  headSize: number;
  blocks: number;
  mlpSize: number;
  patch: readonly [number, number, number];
  textSize: number;
}

/** The embedded model; `engine/worker/sage_worker/shapes/model.py`. */
export interface ShapesArchitecture {
  kind: 'shapes';
  width: number;
  blocks: number;
  mlpRatio: number;
  frequencies: number;
  tokens: number;
  tokenSize: number;
  /** Colours, shapes and directions, each with its null word. */
  words: number;
}

export type TransformerArchitecture = DualStreamArchitecture | CrossAttentionArchitecture | ShapesArchitecture;

export const hunyuanTransformer: DualStreamArchitecture = {
  ...{ kind: 'dual-stream', inChannels: 65, outChannels: 32, heads: 16, headSize: 128, blocks: 54, refinerBlocks: 2 },
  ...{ mlpRatio: 4, patch: [1, 1, 1], textSize: 3584, byt5Size: 1472, imageSize: 1152 },
};

export const wanTransformer: CrossAttentionArchitecture = {
  ...{ kind: 'cross-attention', inChannels: 16, outChannels: 16, heads: 12, headSize: 128, blocks: 30 },
  ...{ mlpSize: 8960, patch: [1, 2, 2], textSize: 4096 },
};

export const shapesTransformer: ShapesArchitecture = {
  ...{ kind: 'shapes', width: 64, blocks: 8, mlpRatio: 4, frequencies: 32, tokens: 16, tokenSize: 48, words: 16 },
};

/** AutoencoderKLHunyuanVideo15: causal convolutions in space and time, resolution changed by depth-to-space. */
export interface HunyuanAutoencoderArchitecture {
  latentChannels: number;
  /** From the finest to the coarsest. */
  channels: readonly number[];
  residuals: number;
  spatialRatio: number;
  temporalRatio: number;
  /** Whether a change of resolution goes to the channels of the next level. */
  matchChannels: boolean;
}

export const hunyuanAutoencoder: HunyuanAutoencoderArchitecture = {
  ...{ latentChannels: 32, channels: [128, 256, 512, 1024, 1024], residuals: 2 },
  ...{ spatialRatio: 16, temporalRatio: 4, matchChannels: true },
};

/** AutoencoderKLWan: causal convolutions, decoded four frames at a time with the features before them kept. */
export interface WanAutoencoderArchitecture {
  latentChannels: number;
  baseChannels: number;
  /** Channels of each level in units of `baseChannels`, from the finest. */
  multipliers: readonly number[];
  residuals: number;
  /** Whether time is halved after each level but the last. */
  temporal: readonly boolean[];
}

export const wanAutoencoder: WanAutoencoderArchitecture = {
  ...{ latentChannels: 16, baseChannels: 96, multipliers: [1, 2, 4, 4], residuals: 2, temporal: [false, true, true] },
};

/** `engine/worker/sage_worker/shapes/autoencoder.py`: channels at 4, 8 and 16 pixels. */
export const shapesDecoder = { latentChannels: 12, channels: [96, 72, 40], frames: 4, pixelChannels: 24 } as const;

/** A language model of Qwen2's kind. */
export interface LanguageArchitecture {
  width: number;
  mlpSize: number;
  blocks: number;
  heads: number;
  keyHeads: number;
  words: number;
}

/** Encodes the prompts of HunyuanVideo-1.5: the language part of Qwen2.5-VL-7B. */
export const qwenEncoder: LanguageArchitecture = {
  ...{ width: 3584, mlpSize: 18944, blocks: 28, heads: 28, keyHeads: 4, words: 152064 },
};

/** An encoder of T5's kind with gated MLPs. */
export interface T5Architecture {
  width: number;
  mlpSize: number;
  blocks: number;
  heads: number;
  headSize: number;
  words: number;
  buckets: number;
  /** umT5 has a table of relative positions in every block, T5 in the first. */
  tables: 'each' | 'first';
}

/** ByT5 small, for what a prompt quotes (HunyuanVideo-1.5). */
export const byt5Encoder: T5Architecture = {
  ...{ width: 1472, mlpSize: 3584, blocks: 12, heads: 6, headSize: 64, words: 1510, buckets: 32, tables: 'first' },
};

/** umT5 XXL (Wan2.1). */
export const umt5Encoder: T5Architecture = {
  ...{ width: 4096, mlpSize: 10240, blocks: 24, heads: 64, headSize: 64, words: 256384, buckets: 32, tables: 'each' },
};

/** VideoAlign: Qwen2-VL-2B with a LoRA adapter inside and a head that scores. */
export interface VideoAlignArchitecture {
  language: LanguageArchitecture;
  vision: { width: number; mlpRatio: number; blocks: number; patch: number; temporalPatch: number; merge: number };
  rank: number;
}

export const videoAlign: VideoAlignArchitecture = {
  language: { width: 1536, mlpSize: 8960, blocks: 28, heads: 12, keyHeads: 2, words: 151660 },
  vision: { width: 1280, mlpRatio: 4, blocks: 32, patch: 14, temporalPatch: 2, merge: 2 },
  rank: 64,
};
