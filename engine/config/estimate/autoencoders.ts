import { shapesDecoder, type HunyuanAutoencoderArchitecture, type WanAutoencoderArchitecture } from './architecture.ts';

/** One convolution (or norm) of an autoencoder, and at which resolution it works. */
export interface Convolution {
  parameters: number;
  /** Numbers that are multiplied for each position. */
  weights: number;
  /** Rows and columns in units of the latent's. */
  space: number;
  /** Frames in units of the latent's; a causal autoencoder gives the first latent frame one. */
  time: number;
}

interface Scale {
  space: number;
  time: number;
}

const unit: Scale = { space: 1, time: 1 };

/** @param kernel its volume */
function convolution(inputs: number, outputs: number, kernel: number, { space, time }: Scale = unit): Convolution {
  const weights = kernel * inputs * outputs;
  return { parameters: weights + outputs, weights, space, time };
}

function norm(channels: number, { space, time }: Scale = unit): Convolution {
  return { parameters: channels, weights: 0, space, time };
}

/** Two convolutions over 3×3×3 positions, and one over one position where the channels change. */
function residual(inputs: number, outputs: number, scale: Scale = unit): Convolution[] {
  return [
    ...[norm(inputs, scale), convolution(inputs, outputs, 27, scale)],
    ...[norm(outputs, scale), convolution(outputs, outputs, 27, scale)],
    ...(inputs === outputs ? [] : [convolution(inputs, outputs, 1, scale)]),
  ];
}

/** Attention at the coarsest resolution between two residuals. Its products of queries and keys are not counted. */
function middle(channels: number, scale: Scale = unit): Convolution[] {
  const attention = [norm(channels, scale), convolution(channels, 3 * channels, 1, scale)];
  const out = convolution(channels, channels, 1, scale);
  return [...residual(channels, channels, scale), ...attention, out, ...residual(channels, channels, scale)];
}

/** Parameters of some convolutions. */
export function convolutionParameters(layers: readonly Convolution[]): number {
  return layers.reduce((sum, { parameters }) => sum + parameters, 0);
}

/** Multiplications and additions of some convolutions on latents of this size. */
export function convolutionFlops(
  layers: readonly Convolution[],
  { frames, rows, columns }: { frames: number; rows: number; columns: number },
): number {
  return layers.reduce((sum, { weights, space, time }) => {
    const positions = ((frames - 1) * time + 1) * rows * space * columns * space;
    return sum + 2 * weights * positions;
  }, 0);
}

/** The encoder of AutoencoderKLHunyuanVideo15. Only its parameters are of use here, so its resolutions are left out. */
export function hunyuanEncoder(architecture: HunyuanAutoencoderArchitecture): Convolution[] {
  const { channels, residuals, latentChannels, spatialRatio, temporalRatio, matchChannels } = architecture;
  const last = channels[channels.length - 1];
  const layers = [convolution(3, channels[0], 27)];
  let inputs = channels[0];
  for (const [level, outputs] of channels.entries()) {
    for (let i = 0; i < residuals; i++) layers.push(...residual(i === 0 ? inputs : outputs, outputs));
    inputs = outputs;
    if (level >= Math.log2(spatialRatio)) continue;
    const factor = level >= Math.log2(spatialRatio / temporalRatio) ? 8 : 4;
    inputs = matchChannels ? channels[level + 1] : outputs;
    layers.push(convolution(outputs, Math.floor(inputs / factor), 27));
  }
  return [...layers, ...middle(last), norm(last), convolution(last, 2 * latentChannels, 27)];
}

/** The decoder of AutoencoderKLHunyuanVideo15. */
export function hunyuanDecoder(architecture: HunyuanAutoencoderArchitecture): Convolution[] {
  const { residuals, latentChannels, spatialRatio, temporalRatio, matchChannels } = architecture;
  const channels = architecture.channels.toReversed();
  const layers = [convolution(latentChannels, channels[0], 27), ...middle(channels[0])];
  let inputs = channels[0];
  let scale = unit;
  for (const [level, outputs] of channels.entries()) {
    for (let i = 0; i <= residuals; i++) layers.push(...residual(i === 0 ? inputs : outputs, outputs, scale));
    inputs = outputs;
    const inTime = level < Math.log2(temporalRatio);
    if (level >= Math.log2(spatialRatio) && !inTime) continue;
    inputs = matchChannels ? channels[level + 1] : outputs;
    layers.push(convolution(outputs, inputs * (inTime ? 8 : 4), 27, scale));
    scale = { space: 2 * scale.space, time: scale.time * (inTime ? 2 : 1) };
  }
  const last = channels[channels.length - 1];
  return [...layers, norm(last, scale), convolution(last, 3, 27, scale)];
}

/** The encoder of AutoencoderKLWan with the layer between it and the latent. */
export function wanEncoder(architecture: WanAutoencoderArchitecture): Convolution[] {
  const { baseChannels, multipliers, residuals, temporal, latentChannels } = architecture;
  const layers = [convolution(3, baseChannels, 27)];
  let inputs = baseChannels;
  for (const [level, multiplier] of multipliers.entries()) {
    const outputs = baseChannels * multiplier;
    for (let i = 0; i < residuals; i++) layers.push(...residual(i === 0 ? inputs : outputs, outputs));
    inputs = outputs;
    if (level === multipliers.length - 1) continue;
    layers.push(convolution(outputs, outputs, 9));
    if (temporal[level]) layers.push(convolution(outputs, outputs, 3));
  }
  const moments = 2 * latentChannels;
  layers.push(...middle(inputs), norm(inputs), convolution(inputs, moments, 27), convolution(moments, moments, 1));
  return layers;
}

/** The decoder of AutoencoderKLWan with the layer between it and the latent. */
export function wanDecoder(architecture: WanAutoencoderArchitecture): Convolution[] {
  const { baseChannels, residuals, latentChannels } = architecture;
  const channels = architecture.multipliers.toReversed().map((multiplier) => baseChannels * multiplier);
  const temporal = architecture.temporal.toReversed();
  const layers = [convolution(latentChannels, latentChannels, 1), convolution(latentChannels, channels[0], 27)];
  layers.push(...middle(channels[0]));
  let inputs = channels[0];
  let scale = unit;
  for (const [level, outputs] of channels.entries()) {
    for (let i = 0; i <= residuals; i++) layers.push(...residual(i === 0 ? inputs : outputs, outputs, scale));
    if (level === channels.length - 1) continue;
    inputs = Math.floor(outputs / 2);
    if (temporal[level]) layers.push(convolution(outputs, 2 * outputs, 3, scale));
    scale = { space: 2 * scale.space, time: scale.time * (temporal[level] ? 2 : 1) };
    layers.push(convolution(outputs, inputs, 9, scale));
  }
  const last = channels[channels.length - 1];
  return [...layers, norm(last, scale), convolution(last, 3, 27, scale)];
}

/** The decoder of the embedded model, for one of its latent frames. */
export function shapesDecoderLayers(): Convolution[] {
  const { latentChannels, channels, pixelChannels } = shapesDecoder;
  const [coarse, middling, fine] = channels;
  const at = (space: number): Scale => ({ space, time: 1 });
  const pair = (width: number, kernel: number, space: number) =>
    [0, 1].map(() => convolution(width, width, kernel, at(space)));
  return [
    ...[convolution(latentChannels, coarse, 9), ...pair(coarse, 3, 1), ...pair(coarse, 9, 1), ...pair(coarse, 3, 1)],
    ...[convolution(coarse, 4 * middling, 1), ...pair(middling, 9, 2)],
    ...[convolution(middling, 4 * fine, 1, at(2)), ...pair(fine, 9, 4), convolution(fine, pixelChannels, 9, at(4))],
  ];
}
