import type { Config } from '../schema.ts';
import { countAdapter, countParameters, type Layer } from './layers.ts';
import { blockBytes, decoding, tile } from './measured.ts';
import type { MemoryPart } from './names.ts';
import { latentOf, modelFacts, tokensOf, type ModelFacts } from './models.ts';
import { rewardParameters, scoringBytes } from './scoring.ts';
import type { Workload } from './workload.ts';

/** The stages of an iteration, of which the one that needs most decides the peak. */
export type MemoryStage = 'rollout' | 'decode' | 'score' | 'update';

export interface PartBytes {
  part: MemoryPart;
  bytes: number;
  /** The stage in which it is there; null: always. */
  stage: MemoryStage | null;
}

/** Peak memory of one device. */
export interface MemoryEstimate {
  /** Every part that is not 0. */
  parts: PartBytes[];
  /** The stage of the peak. */
  stage: MemoryStage;
  total: number;
}

const gibibyte = 2 ** 30;
/** Bytes of a float32: gradients, moments, and the weights that the optimizer changes. */
const full = 4;

/** Adds parts up: what is always there, and what the stage with most adds to it. */
export function memoryOf(parts: readonly PartBytes[]): MemoryEstimate {
  const sum = (stage: MemoryStage | null) =>
    parts.reduce((total, part) => total + (part.stage === stage ? part.bytes : 0), 0);
  const stages = (['rollout', 'decode', 'score', 'update'] as const).toSorted((a, b) => sum(b) - sum(a));
  return { parts: parts.filter(({ bytes }) => bytes > 0), stage: stages[0], total: sum(null) + sum(stages[0]) };
}

/** Peak memory of one GPU for a torch model. */
export function gpuMemory(config: Config, workload: Workload): MemoryEstimate {
  const model = modelFacts(config.policy.model);
  return memoryOf([...resident(config, model, workload), ...passing(config, model, workload)]);
}

const bytesOf = (precision: Config['policy']['precision']) => (precision === 'bf16' ? 2 : full);

/** What is on the GPU all the time. Everything of the policy is sharded over all GPUs (FSDP). */
function resident(config: Config, model: ModelFacts, { devices, rolloutsPerRank, explored }: Workload): PartBytes[] {
  const { policy } = config;
  const { parameters } = model;
  const precise = bytesOf(policy.precision);
  const { layers, blocks } = model.network;
  const isBlock = ({ name }: Layer) => name.startsWith('block.');
  const block = countParameters(layers.filter(isBlock)) / blocks;
  const root = countParameters(layers.filter((layer) => !isBlock(layer)));
  const lora = policy.adapter.kind === 'lora';
  // Whole weights of the block at work, the next one and what is outside of blocks, where they are not kept as they are.
  const gathered = devices > 1 || (!lora && precise !== full) ? (2 * block + root) * precise : 0;
  const adapter = lora ? countAdapter(layers, policy.adapter.rank) : 0;
  const trained = lora ? adapter : parameters;
  const { mode } = config.trust_region.anchor;
  const copies = lora ? 0 : mode === 'moving' ? 2 : 1;
  const latent = latentOf(model, config.sampling);
  const values = latent.channels * latent.frames * latent.rows * latent.columns;
  const always = (part: MemoryPart, bytes: number): PartBytes => ({ part, bytes, stage: null });
  return [
    always('weights', ((lora ? precise : full) * parameters) / devices + gathered),
    always('adapters', (full * adapter) / devices),
    always('gradients', (full * trained) / devices),
    always('optimizer', (2 * full * trained) / devices),
    // Beside an adapter, the anchor is a second one, and the pre-trained model is the base without either.
    always('anchor', (lora ? (mode === 'moving' ? full * adapter : 0) : copies * precise * parameters) / devices),
    always('autoencoder', model.autoencoderParameters * decoderPrecision(config)),
    always('reward', 2 * rewardParameters(config)),
    always('rollouts', full * values * rolloutsPerRank * (explored + 1)),
    always('overhead', (devices > 1 ? 1.5 : 1) * gibibyte),
  ];
}

/** Wan's autoencoder is run in float32, as its authors advise. */
function decoderPrecision({ policy }: Config): number {
  return policy.model === 'wan-2.1' ? full : bytesOf(policy.precision);
}

/** What comes and goes. */
function passing(config: Config, model: ModelFacts, workload: Workload): PartBytes[] {
  const { policy, sampling } = config;
  const { microBatch, trainBranches, sequenceParallel } = workload;
  const precise = bytesOf(policy.precision);
  const { kept, most, forward } = blockBytes[policy.model as keyof typeof blockBytes][policy.precision];
  const { kind } = policy.adapter;
  const { blocks, width } = model.network;
  const counts = tokensOf(model, sampling);
  const together = counts.video + (model.masked ? counts.text : 0);
  const tokens = Math.ceil(together / sequenceParallel);
  const checkpointed = policy.activation_checkpointing;
  // Between checkpoints, only the input of each block is kept; the block at work is computed once more.
  const keptBytes = checkpointed ? width * precise : kept[kind];
  const working = checkpointed ? most[kind] : most[kind] - kept[kind];
  const activations = tokens * microBatch * (blocks * trainBranches * keptBytes + working);
  const pairs = model.masked ? together ** 2 : 0;
  // The mask itself twice as one-byte truths, and once as numbers, which the backward pass needs again.
  const mask = pairs * (2 + precise);
  const masks = microBatch * (mask + (checkpointed ? 0 : pairs * precise * (blocks * trainBranches - 1)));
  return [
    { part: 'activations', bytes: tokens * forward[kind], stage: 'rollout' },
    { part: 'attention', bytes: mask, stage: 'rollout' },
    { part: 'decoding', bytes: decodingBytes(config), stage: 'decode' },
    { part: 'scoring', bytes: scoringBytes(sampling, model.framesPerSecond), stage: 'score' },
    { part: 'activations', bytes: activations, stage: 'update' },
    { part: 'attention', bytes: masks, stage: 'update' },
  ];
}

/** Most that decoding one video needs, in tiles where it is larger than one. */
export function decodingBytes(config: Config): number {
  const { model } = config.policy;
  if (model === 'shapes') return 0;
  const { perPixel, frames: held, assembled } = decoding[model];
  const { frames, height, width } = config.sampling;
  const precise = decoderPrecision(config);
  const area = Math.min(height, tile.side) * Math.min(width, tile.side);
  const tiled = height > tile.side || width > tile.side;
  const pixels = 3 * frames * height * width * precise;
  const working = area * perPixel * (held === 'all' ? frames * precise : 4);
  // The finished pixels of a single tile are part of what the decoder holds at its end, unless it goes by four frames.
  return working + pixels * (tiled ? assembled : held === 'all' ? 0 : 1);
}
