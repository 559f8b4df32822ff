import type { Config } from '../schema.ts';
import { countAdapter, countParameters, type Layer } from './layers.ts';
import { blockBytes, decoding, tile } from './measured.ts';
import type { MemoryPart } from './names.ts';
import { modelFacts, tokensOf, type ModelFacts } from './models.ts';
import { passesOf } from './passes.ts';
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
/** Bytes of a float32: moments, sums of gradients, and the weights that the optimizer changes. */
const full = 4;

/** Adds parts up: what is always there, and what the stage with most adds to it. */
export function memoryOf(parts: readonly PartBytes[]): MemoryEstimate {
  const sum = (stage: MemoryStage | null) =>
    parts.reduce((total, part) => total + (part.stage === stage ? part.bytes : 0), 0);
  const stages = (['rollout', 'decode', 'score', 'update'] as const).toSorted((a, b) => sum(b) - sum(a));
  return { parts: parts.filter(({ bytes }) => bytes > 0), stage: stages[0], total: sum(null) + sum(stages[0]) };
}

/**
 * Peak memory of one GPU for a torch model.
 * @param room bytes of the GPU: where passes of all rows that could share one do not fit, they have fewer
 */
export function gpuMemory(config: Config, workload: Workload, room: number): MemoryEstimate {
  const model = modelFacts(config.policy.model);
  const always = resident(config, model, workload);
  for (let { samples: rows } = passesOf(config, model, workload); ; rows--) {
    const memory = memoryOf([...always, ...passing(config, model, workload, rows)]);
    if (rows === 1 || memory.total <= room) return memory;
  }
}

const bytesOf = (precision: Config['policy']['precision']) => (precision === 'bf16' ? 2 : full);

/**
 * What is on the GPU all the time, and the gradients. The weights that the model came with are sharded over all GPUs
 * (FSDP), and with them what is trained of them; every GPU holds adapters whole. Latents of rollouts are on the CPU.
 */
function resident(config: Config, model: ModelFacts, workload: Workload): PartBytes[] {
  const { policy } = config;
  const { devices } = workload;
  const precise = bytesOf(policy.precision);
  const always = (part: MemoryPart, bytes: number): PartBytes => ({ part, bytes, stage: null });
  return [
    ...(policy.adapter.kind === 'lora' ? adapted(config, model, workload) : tuned(config, model, workload)),
    always('autoencoder', model.autoencoderParameters * decoderPrecision(config)),
    always('reward', precise * rewardParameters(config)),
    always('overhead', (devices > 1 ? 1.5 : 1) * gibibyte),
  ];
}

/** LoRA: `trainable/lora.py` of the worker. Without an adapter the base is the pre-trained model. */
function adapted(config: Config, model: ModelFacts, { devices }: Workload): PartBytes[] {
  const { policy } = config;
  const precise = bytesOf(policy.precision);
  const adapter = countAdapter(model.network.layers, policy.adapter.rank);
  const gathered = devices > 1 ? gatheredParameters(model) * precise : 0;
  // What a pass leaves in 16 bits is taken in float32, and then added to the update's sum.
  const gradient = precise === full ? full : precise + full;
  return [
    { part: 'weights', bytes: (precise * model.parameters) / devices + gathered, stage: null },
    { part: 'adapters', bytes: 2 * precise * adapter, stage: null },
    { part: 'masters', bytes: full * adapter, stage: null },
    { part: 'optimizer', bytes: 2 * full * adapter, stage: null },
    { part: 'gradients', bytes: (gradient + sumBytes(config)) * adapter, stage: 'update' },
  ];
}

/** Full fine-tuning: `trainable/full.py` of the worker, where passes compute in `policy.precision`. */
function tuned(config: Config, model: ModelFacts, { devices }: Workload): PartBytes[] {
  const { policy, trust_region: trustRegion } = config;
  const { parameters } = model;
  const precise = bytesOf(policy.precision);
  const gathered = devices > 1 || precise !== full ? gatheredParameters(model) * precise : 0;
  // The pre-trained model, the anchor, and the current weights while one of them is in their place.
  const copies = policy.offload_anchor ? 0 : trustRegion.anchor.mode === 'none' ? 2 : 3;
  return [
    { part: 'weights', bytes: (full * parameters) / devices + gathered, stage: null },
    { part: 'optimizer', bytes: (2 * full * parameters) / devices, stage: null },
    { part: 'anchor', bytes: (copies * full * parameters) / devices, stage: null },
    { part: 'gradients', bytes: ((full + sumBytes(config)) * parameters) / devices, stage: 'update' },
  ];
}

/** Whole weights of the block at work, the next one and what is outside of blocks, where they are not kept as they are. */
function gatheredParameters({ network: { layers, blocks } }: ModelFacts): number {
  const isBlock = ({ name }: Layer) => name.startsWith('block.');
  const block = countParameters(layers.filter(isBlock)) / blocks;
  return 2 * block + countParameters(layers.filter((layer) => !isBlock(layer)));
}

/** The sum of an update's gradients is apart from the newest one where several micro-batches are accumulated. */
const sumBytes = ({ training }: Config) => (training.accumulation > 1 ? full : 0);

/** Wan's autoencoder is run in float32, as its authors advise. */
function decoderPrecision({ policy }: Config): number {
  return policy.model === 'wan-2.1' ? full : bytesOf(policy.precision);
}

/** What comes and goes. */
function passing(config: Config, model: ModelFacts, workload: Workload, rows: number): PartBytes[] {
  const { policy, sampling } = config;
  const { trainBranches, sequenceParallel } = workload;
  const { kept, most, forward } = blockBytes[policy.model as keyof typeof blockBytes][policy.precision];
  const { kind } = policy.adapter;
  const { blocks, width } = model.network;
  const counts = tokensOf(model, sampling);
  const tokens = Math.ceil((counts.video + (model.trimmedText ? counts.text : 0)) / sequenceParallel);
  const { samples, rolloutRows, updateRows } = passesOf(config, model, workload, rows);
  const checkpointed = policy.activation_checkpointing;
  // Between checkpoints, only the input of each block is kept; the block at work is computed once more.
  const keptBytes = checkpointed ? width * bytesOf(policy.precision) : kept[kind];
  const working = checkpointed ? most[kind] : most[kind] - kept[kind];
  const activations = tokens * (blocks * trainBranches * samples * keptBytes + updateRows * working);
  return [
    { part: 'activations', bytes: tokens * rolloutRows * forward[kind], stage: 'rollout' },
    { part: 'decoding', bytes: decodingBytes(config), stage: 'decode' },
    { part: 'scoring', bytes: scoringBytes(sampling, model.framesPerSecond), stage: 'score' },
    { part: 'activations', bytes: activations, stage: 'update' },
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
