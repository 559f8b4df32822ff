import { describe, expect, test } from 'vitest';
import { analyseText } from '../../../engine/config/analyse.ts';
import { gpus } from '../../../engine/config/estimate/devices.ts';
import { estimateConfig } from '../../../engine/config/estimate/estimate.ts';
import { decodingBytes, gpuMemory, memoryOf } from '../../../engine/config/estimate/memory.ts';
import type { MemoryPart } from '../../../engine/config/estimate/names.ts';
import { workloadOf } from '../../../engine/config/estimate/workload.ts';
import type { Config } from '../../../engine/config/schema.ts';

const mebibyte = 2 ** 20;
const gibibyte = 2 ** 30;

/** Filled in as written, whatever the rules between keys say. */
function configOf(model: string, overrides: Record<string, Record<string, unknown>> = {}): Config {
  const text = `policy: { model: ${model}, devices: 64 }\nprompts: [a boat]\nrollout: { prompts_per_iteration: 64 }\n`;
  const config = structuredClone(analyseText(text).config!) as unknown as Record<string, Record<string, unknown>>;
  for (const [block, values] of Object.entries(overrides)) Object.assign(config[block], values);
  return config as unknown as Config;
}

const memory = (config: Config) => gpuMemory(config, workloadOf(config));
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

  test('holds of a full fine-tuning 4 bytes of weights, 4 of gradients and 8 of moments for each parameter, shared out', () => {
    expect(part(hunyuan(), 'gradients')).toBe((4 * parameters) / 64);
    expect(part(hunyuan(), 'optimizer')).toBe((8 * parameters) / 64);
    expect(part(hunyuan({ policy: alone }), 'optimizer')).toBe(8 * parameters);
    expect(part(hunyuan({ policy: { ...alone, precision: 'fp32' } }), 'weights')).toBe(4 * parameters);
    // Anchor and pre-trained model in bfloat16.
    expect(part(hunyuan(), 'anchor')).toBe((2 * 2 * parameters) / 64);
  });

  test('holds of a LoRA adapter the frozen weights in 16 bits, and everything else for the adapter alone', () => {
    const config = hunyuan({ policy: { ...alone, ...lora } });
    const adapter = estimateConfig(config).parameters.trained;
    expect(adapter).toBe(254_803_968);
    expect(part(config, 'weights')).toBe(2 * parameters);
    for (const [name, bytes] of [
      ['adapters', 4],
      ['gradients', 4],
      ['optimizer', 8],
      ['anchor', 4],
    ] as const)
      expect(part(config, name), name).toBe(bytes * adapter);
    expect(part(hunyuan({ policy: lora, trust_region: { anchor: { mode: 'none' } } }), 'anchor')).toBe(0);
  });

  test('activations: with checkpointing the blocks’ inputs and one block at work, without it all that is kept', () => {
    const tokens = 18_018 + 128;
    const checkpointed = hunyuan();
    const kept = hunyuan({ policy: { activation_checkpointing: false } });
    // Guidance has two branches.
    expect(part(checkpointed, 'activations', 'update')).toBe(tokens * (54 * 2 * 2048 * 2 + 136_915));
    expect(part(kept, 'activations', 'update')).toBe(tokens * (54 * 2 * 114_899 + 136_915 - 114_899));
    expect(part(kept, 'attention', 'update')).toBeGreaterThan(50 * part(checkpointed, 'attention', 'update'));
    const twice = hunyuan({ training: { micro_batch: 2 }, rollout: { prompts_per_iteration: 128 } });
    expect(part(twice, 'activations', 'update')).toBe(2 * part(checkpointed, 'activations', 'update'));
    const shared = hunyuan({ policy: { sequence_parallel: 2 } });
    expect(part(shared, 'activations', 'update')).toBe(part(checkpointed, 'activations', 'update') / 2);
  });

  test('is what is always there and the stage that needs most', () => {
    const { total, stage, parts } = memoryOf([
      { part: 'weights', bytes: 10, stage: null },
      { part: 'decoding', bytes: 5, stage: 'decode' },
      { part: 'activations', bytes: 4, stage: 'update' },
      { part: 'attention', bytes: 3, stage: 'update' },
      { part: 'anchor', bytes: 0, stage: null },
    ]);
    expect({ total, stage }).toEqual({ total: 17, stage: 'update' });
    expect(parts.map((each) => each.part)).toEqual(['weights', 'decoding', 'activations', 'attention']);
  });

  test('of the paper’s setting fits 80 GB; on one GPU full fine-tuning fits none that there is, with LoRA an H100', () => {
    expect(estimateConfig(hunyuan()).memory.fits).toBe(true);
    expect(memory(hunyuan({ policy: alone })).total).toBeGreaterThan(170 * gibibyte);
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
