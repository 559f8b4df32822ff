import type { LanguageArchitecture, T5Architecture, VideoAlignArchitecture } from './architecture.ts';

const linear = (inputs: number, outputs: number, bias = true) => inputs * outputs + (bias ? outputs : 0);

/** Inputs and outputs of a block's seven matrices, those with a bias first. */
function matrices({ width, mlpSize, heads, keyHeads }: LanguageArchitecture): (readonly [number, number])[] {
  const keys = (width / heads) * keyHeads;
  return [
    ...[[width, width] as const, [width, keys] as const, [width, keys] as const, [width, width] as const],
    ...[[width, mlpSize] as const, [width, mlpSize] as const, [mlpSize, width] as const],
  ];
}

/** Parameters of a language model of Qwen2's kind, its output matrix left out. */
export function languageParameters(architecture: LanguageArchitecture): number {
  const { width, blocks, words } = architecture;
  // Queries, keys and values have biases.
  const ofBlock = matrices(architecture).reduce((sum, [i, o], at) => sum + linear(i, o, at < 3), 2 * width);
  return words * width + blocks * ofBlock + width;
}

/** Parameters of an encoder of T5's kind. */
export function t5Parameters({ width, mlpSize, blocks, heads, headSize, ...rest }: T5Architecture): number {
  const ofBlock = 4 * width * heads * headSize + 3 * width * mlpSize + 2 * width;
  const tables = (rest.tables === 'each' ? blocks : 1) * rest.buckets * heads;
  return rest.words * width + blocks * ofBlock + tables + width;
}

interface VideoAlignParts {
  /** Of one block of the part that sees. */
  visionBlock: number;
  vision: number;
  language: number;
  adapter: number;
  head: number;
}

/** Parameters of VideoAlign by part. The output matrix of its language model is tied to the words and counts there. */
export function videoAlignParts({ vision, language, rank }: VideoAlignArchitecture): VideoAlignParts {
  const { width, mlpRatio, blocks, patch, temporalPatch, merge } = vision;
  const hidden = mlpRatio * width;
  const attention = linear(width, 3 * width) + linear(width, width);
  const visionBlock = attention + linear(width, hidden) + linear(hidden, width) + 4 * width;
  const merged = width * merge ** 2;
  const merger = 2 * width + linear(merged, merged) + linear(merged, language.width);
  return {
    visionBlock,
    vision: 3 * temporalPatch * patch ** 2 * width + blocks * visionBlock + merger,
    language: languageParameters(language),
    adapter: language.blocks * matrices(language).reduce((sum, [i, o]) => sum + rank * (i + o), 0),
    head: language.width,
  };
}
