import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { analyseText } from '../../../engine/config/analyse.ts';
import { gpus } from '../../../engine/config/estimate/devices.ts';
import { estimateConfig } from '../../../engine/config/estimate/estimate.ts';
import { decodingBytes, gpuMemory, memoryOf } from '../../../engine/config/estimate/memory.ts';
import type { MemoryPart } from '../../../engine/config/estimate/names.ts';
import { saturated } from '../../../engine/config/estimate/passes.ts';
import { workloadOf } from '../../../engine/config/estimate/workload.ts';
import type { Config } from '../../../engine/config/schema.ts';
import { packageRoot } from '../../../engine/package-root.ts';

const mebibyte = 2 ** 20;
const gibibyte = 2 ** 30;

/** Filled in as written, whatever the rules between keys say. */
function configOf(model: string, overrides: Record<string, Record<string, unknown>> = {}): Config {
  const text = `policy: { model: ${model}, devices: 64 }\nprompts: [a boat]\nrollout: { prompts_per_iteration: 64 }\n`;
  const config = structuredClone(analyseText(text).config!) as unknown as Record<string, Record<string, unknown>>;
  for (const [block, values] of Object.entries(overrides)) Object.assign(config[block], values);
  return config as unknown as Config;
}

const memory = (config: Config) => gpuMemory(config, workloadOf(config), Infinity);
const part = (config: Config, name: MemoryPart, stage: string | null = null) =>
  memory(config).parts.find((each) => each.part === name && each.stage === stage)?.bytes ?? 0;
const hunyuan = (overrides: Record<string, Record<string, unknown>> = {}) => configOf('hunyuan-video-1.5', overrides);
const alone = { devices: 1 };
const lora = { adapter: { kind: 'lora', rank: 64, alpha: 128 } };

describe('decoding needs what torch’s own decoders allocate', () => {
  // Followed tensor by tensor on torch's meta device, MiB: `test/bench/architecture_torch.py`.
  test.each([
    ['hunyuan-video-1.5', 256, 256, 81, 9093],
    ['hunyuan-video-1.5', 256, 256, 121, 13_583],
    ['hunyuan-video-1.5', 128, 256, 81, 4546],
    ['hunyuan-video-1.5', 352, 624, 81, 9124],
    ['hunyuan-video-1.5', 480, 848, 81, 9316],
    ['hunyuan-video-1.5', 720, 1280, 121, 14_406],
    ['wan-2.1', 256, 256, 81, 1279],
    ['wan-2.1', 256, 256, 17, 1230],
    ['wan-2.1', 480, 832, 81, 1737],
  ])('%s at %i×%i×%i', (model, height, width, frames, mebibytes) => {
    const bytes = decodingBytes(configOf(model, { sampling: { height, width, frames } }));
    expect(Math.abs(bytes / mebibyte / mebibytes - 1)).toBeLessThan(0.02);
  });
});

describe('peak memory of a GPU', () => {
  const parameters = 8_326_608_160;

  const summed = { training: { accumulation: 4 } };

  test('holds of a full fine-tuning 4 bytes of weights, 4 of gradients and 8 of moments for each parameter, shared out', () => {
    expect(part(hunyuan(), 'gradients', 'update')).toBe((4 * parameters) / 64);
    expect(part(hunyuan(), 'optimizer')).toBe((8 * parameters) / 64);
    expect(part(hunyuan({ policy: alone }), 'optimizer')).toBe(8 * parameters);
    expect(part(hunyuan({ policy: { ...alone, precision: 'fp32' } }), 'weights')).toBe(4 * parameters);
    // The sum of several micro-batches is apart from the newest gradient.
    expect(part(hunyuan(summed), 'gradients', 'update')).toBe((8 * parameters) / 64);
  });

  test('holds anchor and pre-trained model of a full fine-tuning where policy.offload_anchor says', () => {
    expect(part(hunyuan(), 'anchor')).toBe(0);
    const onGpu = { policy: { offload_anchor: false } };
    // And the current weights, while one of the two is in their place.
    expect(part(hunyuan(onGpu), 'anchor')).toBe((3 * 4 * parameters) / 64);
    const none = { ...onGpu, trust_region: { anchor: { mode: 'none' } } };
    expect(part(hunyuan(none), 'anchor')).toBe((2 * 4 * parameters) / 64);
  });

  test('holds of LoRA the frozen weights in 16 bits, and everything else for the adapter alone, whole on every GPU', () => {
    const config = hunyuan({ policy: { ...alone, ...lora }, ...summed });
    const adapter = estimateConfig(config).parameters.trained;
    expect(adapter).toBe(254_803_968);
    expect(part(config, 'weights')).toBe(2 * parameters);
    for (const each of [config, hunyuan({ policy: lora, ...summed })]) {
      // Trained and anchor; masters; two moments; one in 16 bits, one in 32 and the sum.
      expect(part(each, 'adapters')).toBe(2 * 2 * adapter);
      expect(part(each, 'masters')).toBe(4 * adapter);
      expect(part(each, 'optimizer')).toBe(8 * adapter);
      expect(part(each, 'gradients', 'update')).toBe((2 + 4 + 4) * adapter);
      expect(part(each, 'anchor')).toBe(0);
    }
    const precise = hunyuan({ policy: { ...lora, precision: 'fp32' }, ...summed });
    expect(part(precise, 'gradients', 'update')).toBe((4 + 4) * adapter);
  });

  test('activations: with checkpointing the blocks’ inputs and one block at work, without it all that is kept', () => {
    const tokens = 18_018 + 128;
    const checkpointed = hunyuan();
    const kept = hunyuan({ policy: { activation_checkpointing: false } });
    // Guidance has two branches.
    expect(part(checkpointed, 'activations', 'update')).toBe(tokens * (54 * 2 * 2048 * 2 + 136_915));
    expect(part(kept, 'activations', 'update')).toBe(tokens * (54 * 2 * 114_899 + 136_915 - 114_899));
    const shared = hunyuan({ policy: { sequence_parallel: 2 } });
    expect(part(shared, 'activations', 'update')).toBe(part(checkpointed, 'activations', 'update') / 2);
  });

  test('activations: samples and branches share a pass where videos are short, else one after another is at work', () => {
    const [inputs, atWork, forward] = [54 * 2 * 2048 * 2, 136_915, 45_057];
    const activations = (overrides: Record<string, Record<string, unknown>>) => {
      const config = hunyuan({ training: { micro_batch: 4 }, ...overrides });
      const count = estimateConfig(config).tokens;
      return ['rollout', 'update'].map((stage) => part(config, 'activations', stage) / (count.video + count.text));
    };
    const short = { height: 176, width: 320 };
    expect(activations({ policy: alone })).toEqual([forward, inputs + atWork]);
    expect(activations({ policy: alone, sampling: short })).toEqual([8 * forward, 4 * inputs + 8 * atWork]);
    const sequential = { ...alone, guidance_batching: 'sequential' };
    expect(activations({ policy: sequential, sampling: short })).toEqual([4 * forward, 4 * inputs + 4 * atWork]);
    expect(activations({ policy: { ...alone, guidance_batching: 'batched' } })).toEqual([
      2 * forward,
      inputs + 2 * atWork,
    ]);
    // On several GPUs texts of different lengths do not share one.
    expect(activations({ sampling: short })).toEqual([2 * forward, inputs + 2 * atWork]);
    const many = { policy: sequential, sampling: short, training: { micro_batch: 40 } };
    expect(activations(many)).toEqual([14 * forward, 14 * inputs + 14 * atWork]);
  });

  test('activations: passes have fewer rows where memory has no room for all that could share one', () => {
    const config = hunyuan({ policy: { ...alone, ...lora }, training: { micro_batch: 8 }, sampling: { frames: 21 } });
    const totals = [80, 40, 24, 1].map((room) => gpuMemory(config, workloadOf(config), room * gibibyte).total);
    expect(totals).toEqual(totals.toSorted((a, b) => b - a));
    expect(totals[1]).toBeLessThanOrEqual(40 * gibibyte);
    expect(totals[0]).toBeGreaterThan(40 * gibibyte);
    // With a single row there is nothing left to save.
    expect(totals[3]).toBe(gpuMemory(config, workloadOf(config), 0).total);
    expect(totals[3]).toBeGreaterThan(gibibyte);
  });

  test('rows are long where the worker says so', () => {
    const limit = (file: string, name: string) => {
      const code = readFileSync(path.join(packageRoot(), 'engine/worker/sage_worker', file), 'utf8');
      return Number(new RegExp(`^${name} = (\\d+)$`, 'm').exec(code)?.[1]);
    };
    expect(saturated).toBe(limit('models/guidance.py', 'SATURATED'));
  });

  test('of LoRA on one GPU agrees with docs/gpu.md, part by part', () => {
    const { memory: found } = estimateConfig(
      hunyuan({ policy: { ...alone, ...lora }, ...summed, sampling: { height: 352, width: 624, frames: 81 } }),
    );
    const stages = ['rollout', 'decode', 'score', 'update'] as const;
    const page = readFileSync(path.join(packageRoot(), 'docs', 'gpu.md'), 'utf8');
    const written = (start: string) => {
      const rows = page.split('\n').filter((line) => line.startsWith(`| ${start}`));
      expect(rows.length, start).toBeGreaterThan(0);
      const numbers = rows.map((row) => row.replaceAll('*', '').split('|').slice(3, 7).map(Number));
      return stages.map((_, i) => numbers.reduce((sum, row) => sum + row[i], 0));
    };
    const close = (bytes: number[], start: string) => {
      const gibibytes = bytes.map((each) => each / gibibyte);
      for (const [i, expected] of written(start).entries())
        expect(Math.abs(gibibytes[i] - expected), `${start}, ${stages[i]}`).toBeLessThanOrEqual(0.02 * expected + 0.01);
    };
    const of = (name: MemoryPart) =>
      stages.map((stage) =>
        found.parts
          .filter((each) => each.part === name && (each.stage ?? stage) === stage)
          .reduce((sum, { bytes }) => sum + bytes, 0),
      );
    close(of('weights'), 'transformer, ');
    close(of('adapters'), 'adapters, ');
    close(of('masters'), 'float32 masters ');
    close(of('optimizer'), 'AdamW');
    close(of('gradients'), 'gradients: ');
    close(of('autoencoder'), 'autoencoder, ');
    close(of('reward'), 'VideoAlign, ');
    close(of('decoding'), 'decoder, ');
    close(of('scoring'), 'VideoAlign at work');
    close(of('overhead'), 'CUDA ');
    const activations = of('activations');
    close([activations[0], 0, 0, 0], 'activations of a forward pass');
    const [inputs] = written('inputs of 54 blocks').slice(3);
    const [atWork] = written('the block at work').slice(3);
    expect(activations[3] / gibibyte).toBeCloseTo(inputs + atWork, 1);
    const sums = stages.map((stage) =>
      found.parts.reduce((sum, each) => sum + ((each.stage ?? stage) === stage ? each.bytes : 0), 0),
    );
    close(sums, '**sum**');
    expect(found).toMatchObject({ stage: 'update', total: sums[3] });
  });

  test('is what is always there and the stage that needs most', () => {
    const { total, stage, parts } = memoryOf([
      { part: 'weights', bytes: 10, stage: null },
      { part: 'decoding', bytes: 5, stage: 'decode' },
      { part: 'activations', bytes: 4, stage: 'update' },
      { part: 'gradients', bytes: 3, stage: 'update' },
      { part: 'anchor', bytes: 0, stage: null },
    ]);
    expect({ total, stage }).toEqual({ total: 17, stage: 'update' });
    expect(parts.map((each) => each.part)).toEqual(['weights', 'decoding', 'activations', 'gradients']);
  });

  test('of the paper’s setting fits 80 GB; on one GPU full fine-tuning fits none that there is, with LoRA an H100', () => {
    expect(estimateConfig(hunyuan()).memory.fits).toBe(true);
    expect(memory(hunyuan({ policy: alone })).total).toBeGreaterThan(140 * gibibyte);
    const adapted = estimateConfig(hunyuan({ policy: { ...alone, ...lora } }), { device: 'h100' });
    expect(adapted.memory).toMatchObject({ fits: true, stage: 'update' });
    expect(estimateConfig(hunyuan({ policy: { ...alone, ...lora } }), { device: 'rtx-4090' }).memory.fits).toBe(false);
  });

  test('the table of devices has rising memory and peaks that data sheets give', () => {
    for (const [name, { memory: bytes, peak }] of Object.entries(gpus)) {
      expect(bytes, name).toBeGreaterThan(20 * gibibyte);
      expect(peak.bf16, name).toBeGreaterThan(peak.fp32);
    }
    expect(Object.values(gpus).map((gpu) => gpu.memory)).toEqual(
      Object.values(gpus)
        .map((gpu) => gpu.memory)
        .toSorted((a, b) => b - a),
    );
  });
});
