import type { ModelName } from '../key.ts';
import type { Config } from '../schema.ts';
import {
  byt5Encoder,
  hunyuanAutoencoder,
  hunyuanTransformer,
  qwenEncoder,
  shapesTransformer,
  umt5Encoder,
  wanAutoencoder,
  wanTransformer,
} from './architecture.ts';
import {
  convolutionParameters,
  hunyuanDecoder,
  hunyuanEncoder,
  shapesDecoderLayers,
  wanDecoder,
  wanEncoder,
  type Convolution,
} from './autoencoders.ts';
import { languageParameters, t5Parameters } from './encoders.ts';
import { countParameters, type Network, type TokenCounts } from './layers.ts';
import { networkOf } from './transformers.ts';

/** Everything that estimates need of a model, counted once. */
export interface ModelFacts {
  title: string;
  network: Network;
  /** Of the transformer. */
  parameters: number;
  decoder: readonly Convolution[];
  /** Of encoder and decoder; of the embedded model, of the decoder alone. */
  autoencoderParameters: number;
  textEncoderParameters: number;
  latentChannels: number;
  /** Video pixels (rows and columns) and frames for each position of the latent. */
  ratio: { space: number; time: number };
  patch: readonly [number, number, number];
  /** Tokens of the prompt that the transformer sees. */
  textTokens: number;
  framesPerSecond: number;
  /** Whether the transformer gets the valid tokens of a text alone, and they join its blocks as the video's do. */
  trimmedText: boolean;
}

const shapesFacts: ModelFacts = {
  title: 'Shapes',
  network: networkOf(shapesTransformer),
  ...{ parameters: 0, autoencoderParameters: 0, textEncoderParameters: 0 },
  decoder: shapesDecoderLayers(),
  ...{ latentChannels: 12, ratio: { space: 8, time: 2 }, patch: [1, 2, 2], textTokens: 0 },
  ...{ framesPerSecond: 8, trimmedText: false },
};

const hunyuanFacts: ModelFacts = {
  title: 'HunyuanVideo-1.5',
  network: networkOf(hunyuanTransformer),
  ...{ parameters: 0, autoencoderParameters: 0 },
  textEncoderParameters: languageParameters(qwenEncoder) + t5Parameters(byt5Encoder),
  decoder: hunyuanDecoder(hunyuanAutoencoder),
  ...{ latentChannels: 32, ratio: { space: 16, time: 4 }, patch: hunyuanTransformer.patch, textTokens: 128 },
  ...{ framesPerSecond: 24, trimmedText: true },
};

const wanFacts: ModelFacts = {
  title: 'Wan2.1-T2V-1.3B',
  network: networkOf(wanTransformer),
  ...{ parameters: 0, autoencoderParameters: 0 },
  textEncoderParameters: t5Parameters(umt5Encoder),
  decoder: wanDecoder(wanAutoencoder),
  ...{ latentChannels: 16, ratio: { space: 8, time: 4 }, patch: wanTransformer.patch, textTokens: 512 },
  ...{ framesPerSecond: 16, trimmedText: false },
};

const encoders = {
  shapes: [],
  'hunyuan-video-1.5': hunyuanEncoder(hunyuanAutoencoder),
  'wan-2.1': wanEncoder(wanAutoencoder),
};

const counted = (facts: ModelFacts, name: ModelName): ModelFacts => ({
  ...facts,
  parameters: countParameters(facts.network.layers),
  autoencoderParameters: convolutionParameters([...encoders[name], ...facts.decoder]),
});

const facts: Record<ModelName, ModelFacts> = {
  shapes: counted(shapesFacts, 'shapes'),
  'hunyuan-video-1.5': counted(hunyuanFacts, 'hunyuan-video-1.5'),
  'wan-2.1': counted(wanFacts, 'wan-2.1'),
};

export function modelFacts(name: ModelName): ModelFacts {
  return facts[name];
}

/** Size of a video's latent. */
export interface Latent {
  channels: number;
  frames: number;
  rows: number;
  columns: number;
}

export type VideoSize = Pick<Config['sampling'], 'frames' | 'height' | 'width'>;

/** The latent of a video. Sizes that the model does not make are rounded down, as convolutions would. */
export function latentOf(
  { latentChannels: channels, ratio }: ModelFacts,
  { frames, height, width }: VideoSize,
): Latent {
  const [rows, columns] = [height, width].map((size) => Math.max(1, Math.floor(size / ratio.space)));
  // A causal autoencoder gives the first frame a latent frame of its own; that of Shapes pairs frames.
  const latentFrames = ratio.time === 4 ? Math.floor((frames - 1) / 4) + 1 : Math.ceil(frames / ratio.time);
  return { channels, frames: latentFrames, rows, columns };
}

/** Tokens of one sample by stream. */
export function tokensOf(model: ModelFacts, size: VideoSize): TokenCounts {
  const { frames, rows, columns } = latentOf(model, size);
  const [time, down, across] = model.patch;
  const video = Math.ceil(frames / time) * Math.ceil(rows / down) * Math.ceil(columns / across);
  return { video, text: model.textTokens, sample: 1, unused: 0 };
}
