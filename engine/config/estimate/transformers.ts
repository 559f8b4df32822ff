import type {
  CrossAttentionArchitecture,
  DualStreamArchitecture,
  ShapesArchitecture,
  TransformerArchitecture,
} from './architecture.ts';
import { linear, table, type Layer, type Network } from './layers.ts';

/** Numbers that encode a noise level before its two layers. */
const noiseSize = 256;
/** Width inside the projection of ByT5's embeddings. */
const byt5Width = 2048;
/** The text's refiner has this MLP ratio whatever the blocks have. */
const refinerRatio = 4;

/** The layers of a transformer, from its architecture. */
export function networkOf(architecture: TransformerArchitecture): Network {
  if (architecture.kind === 'dual-stream') return dualStream(architecture);
  return architecture.kind === 'cross-attention' ? crossAttention(architecture) : shapes(architecture);
}

function noiseLevel(name: string, width: number): Layer[] {
  return [
    linear(`${name}.first`, noiseSize, width, { on: 'sample' }),
    linear(`${name}.second`, width, width, { on: 'sample' }),
  ];
}

function mlp(name: string, width: number, hidden: number, options: Parameters<typeof linear>[3]): Layer[] {
  return [linear(`${name}.up`, width, hidden, options), linear(`${name}.down`, hidden, width, options)];
}

function dualStream(architecture: DualStreamArchitecture): Network {
  const { heads, headSize, blocks, mlpRatio, inChannels, outChannels, imageSize, byt5Size } = architecture;
  const width = heads * headSize;
  const patch = architecture.patch.reduce((product, size) => product * size, 1);
  const ofBlock = (on: 'video' | 'text'): Layer[] => [
    linear(`block.${on}.modulation`, width, 6 * width, { repeats: blocks, on: 'sample' }),
    linear(`block.${on}.attention`, width, width, { repeats: 4 * blocks, on, adapted: true }),
    table(`block.${on}.query_and_key_norm`, 2 * headSize, blocks),
    ...mlp(`block.${on}.mlp`, width, mlpRatio * width, { repeats: blocks, on, adapted: true }),
  ];
  const layers = [
    linear('input', inChannels * patch, width),
    // Text to video passes no image.
    table('image.norm', 2 * imageSize + 2 * width),
    linear('image.first', imageSize, imageSize, { on: 'unused' }),
    linear('image.second', imageSize, width, { on: 'unused' }),
    ...refiner(architecture, width),
    table('byt5.norm', 2 * byt5Size),
    // Only what a prompt quotes passes here.
    linear('byt5.first', byt5Size, byt5Width, { on: 'unused' }),
    linear('byt5.second', byt5Width, byt5Width, { on: 'unused' }),
    linear('byt5.third', byt5Width, width, { on: 'unused' }),
    ...noiseLevel('noise_level', width),
    table('kind_of_condition', 3 * width),
    ...ofBlock('video'),
    ...ofBlock('text'),
    linear('output.modulation', width, 2 * width, { on: 'sample' }),
    linear('output', width, outChannels * patch),
  ];
  const joint = ['video', 'text'] as const;
  const attention = [
    { repeats: architecture.refinerBlocks, queries: ['text'], keys: ['text'], width } as const,
    { repeats: blocks, queries: joint, keys: joint, width },
  ];
  return { width, blocks, layers, attention };
}

/** Refines the text once for every evaluation of the network. */
function refiner({ textSize, refinerBlocks: repeats }: DualStreamArchitecture, width: number): Layer[] {
  return [
    ...noiseLevel('refiner.noise_level', width),
    linear('refiner.pooled.first', textSize, width, { on: 'sample' }),
    linear('refiner.pooled.second', width, width, { on: 'sample' }),
    linear('refiner.input', textSize, width, { on: 'text' }),
    table('refiner.norm', 4 * width, repeats),
    linear('refiner.attention', width, width, { repeats: 4 * repeats, on: 'text' }),
    ...mlp('refiner.mlp', width, refinerRatio * width, { repeats, on: 'text' }),
    linear('refiner.gates', width, 2 * width, { repeats, on: 'sample' }),
  ];
}

function crossAttention(architecture: CrossAttentionArchitecture): Network {
  const { heads, headSize, blocks: repeats, mlpSize, inChannels, outChannels, textSize } = architecture;
  const width = heads * headSize;
  const patch = architecture.patch.reduce((product, size) => product * size, 1);
  const layers = [
    linear('input', inChannels * patch, width),
    ...noiseLevel('noise_level', width),
    linear('modulation', width, 6 * width, { on: 'sample' }),
    linear('text.first', textSize, width, { on: 'text' }),
    linear('text.second', width, width, { on: 'text' }),
    linear('block.self_attention', width, width, { repeats: 4 * repeats, adapted: true }),
    linear('block.cross_attention.query_and_output', width, width, { repeats: 2 * repeats, adapted: true }),
    linear('block.cross_attention.key_and_value', width, width, { repeats: 2 * repeats, on: 'text', adapted: true }),
    table('block.norms', 6 * width, repeats),
    ...mlp('block.mlp', width, mlpSize, { repeats, adapted: true }),
    table('block.modulation', 6 * width, repeats),
    table('output.modulation', 2 * width),
    linear('output', width, outChannels * patch),
  ];
  const attention = [
    { repeats, queries: ['video'], keys: ['video'], width },
    { repeats, queries: ['video'], keys: ['text'], width },
  ] as const;
  return { width, blocks: repeats, layers, attention };
}

function shapes({ width, blocks, mlpRatio, frequencies, tokens, tokenSize, words }: ShapesArchitecture): Network {
  const inBlock = { repeats: blocks, bias: false };
  const layers = [
    linear('condition.sigma', 2 * frequencies, width, { on: 'sample' }),
    linear('condition.words', words, width, { on: 'sample', bias: false }),
    linear('condition.hidden', width, width, { on: 'sample' }),
    linear('input', tokenSize, width),
    table('position', tokens * width),
    linear('modulation', width, (4 * blocks + 2) * width, { on: 'sample' }),
    linear('block.qkv', width, 3 * width, inBlock),
    linear('block.attention_out', width, width, inBlock),
    ...mlp('block.mlp', width, mlpRatio * width, inBlock),
    linear('output', width, tokenSize),
    linear('passed', width, tokenSize, { on: 'sample' }),
  ];
  return { width, blocks, layers, attention: [{ repeats: blocks, queries: ['video'], keys: ['video'], width }] };
}
