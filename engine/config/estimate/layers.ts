/** What a layer is applied to, and so how often: each token of the video or of the text, once a sample, or not at all. */
export type Stream = 'video' | 'text' | 'sample' | 'unused';

/** Some equal layers of a network: the unit in which parameters and operations are counted. */
export interface Layer {
  name: string;
  /** How many of it there are. */
  repeats: number;
  /** Of one. */
  parameters: number;
  /** Numbers of one that are multiplied for each position that it is applied to; 0 for norms and tables. */
  weights: number;
  on: Stream;
  /** Inputs and outputs of one, where an adapter trains it. */
  adapted?: readonly [inputs: number, outputs: number];
}

/** Some equal attention layers: how many streams of tokens ask, and how many are asked. */
export interface Attention {
  repeats: number;
  queries: readonly Stream[];
  keys: readonly Stream[];
  width: number;
}

/** What is counted of a transformer. */
export interface Network {
  width: number;
  blocks: number;
  layers: readonly Layer[];
  attention: readonly Attention[];
}

/** Tokens of each stream, of one sample. */
export type TokenCounts = Record<Stream, number>;

interface Options {
  repeats?: number;
  on?: Stream;
  bias?: boolean;
  adapted?: boolean;
}

/** A fully connected layer. */
export function linear(name: string, inputs: number, outputs: number, options: Options = {}): Layer {
  const { repeats = 1, on = 'video', bias = true, adapted = false } = options;
  const weights = inputs * outputs;
  const layer: Layer = { name, repeats, on, weights, parameters: weights + (bias ? outputs : 0) };
  return adapted ? { ...layer, adapted: [inputs, outputs] } : layer;
}

/** Parameters that no position is multiplied with: scales, shifts, tables. */
export function table(name: string, parameters: number, repeats = 1): Layer {
  return { name, repeats, parameters, weights: 0, on: 'unused' };
}

/** Parameters of some layers. */
export function countParameters(layers: readonly Layer[]): number {
  return layers.reduce((sum, { repeats, parameters }) => sum + repeats * parameters, 0);
}

/** Parameters of low-rank adapters of this rank on every layer that takes one: two matrices each, no biases. */
export function countAdapter(layers: readonly Layer[], rank: number): number {
  return layers.reduce(
    (sum, { repeats, adapted }) => sum + (adapted ? repeats * rank * (adapted[0] + adapted[1]) : 0),
    0,
  );
}
