import { describe, expect, test } from 'vitest';
import { checkText, formatDiagnostic } from '../../../engine/config/load.ts';
import { estimateConfig } from '../../../engine/config/estimate/estimate.ts';
import { gpus } from '../../../engine/config/estimate/devices.ts';
import { bytesWords } from '../../../engine/config/estimate/words.ts';

const hunyuan = (policy: string, more = '') =>
  `policy: {model: hunyuan-video-1.5, ${policy}}\nprompts: [a cat, a dog, a bird, a fish]\n${more}`;

/** The finding of one code, as a user reads it. */
function read(text: string, code: string, options = { checkFiles: false }): string[] {
  const found = checkText(text, options).diagnostics.filter((each) => each.code === `config/${code}`);
  return found.flatMap((each) => formatDiagnostic(each, 'x').split('\n    '));
}

describe('memory that cannot fit', () => {
  test('is a warning beyond 80 GB and an error beyond every GPU, with the parts and what makes it fit', () => {
    expect(read(hunyuan('devices: 1'), 'memory')).toEqual([
      'x:1:45: warning: Training needs an estimated 142 GiB on the GPU, 62 GiB optimizer, 32 GiB weights and 31 GiB gradients among it; NVIDIA H100 80GB has 80 GiB.',
      'To fit NVIDIA H100 80GB, set policy.adapter.kind to lora (38 GiB) or policy.devices to 4 (50 GiB). An estimate of the config shows every part. [config/memory]',
    ]);
    expect(read(hunyuan('devices: 8, activation_checkpointing: false'), 'memory')).toEqual([
      'x:1:45: error: Training needs an estimated 235 GiB on each GPU, 210 GiB activations, 7.8 GiB optimizer and 4.8 GiB weights among it; NVIDIA B200 has 179 GiB.',
      'To fit NVIDIA H100 80GB, set policy.activation_checkpointing to true (34 GiB). An estimate of the config shows every part. [config/memory]',
    ]);
  });

  test('is not said of what fits, of Shapes, or of a model that cannot run for another reason', () => {
    for (const text of [hunyuan('devices: 8'), hunyuan('adapter: {kind: lora}'), hunyuan('backend: onnx'), 'seed: 1'])
      expect(read(text, 'memory'), text).toEqual([]);
  });

  test('needs several changes where none is enough', () => {
    const large = 'sampling: {height: 720, width: 1280, frames: 121}\ntraining: {micro_batch: 2}\n';
    const [message, remedy] = read(hunyuan('devices: 8, activation_checkpointing: false', large), 'memory');
    expect(message).toMatch(/^x:1:45: error: .* TiB on each GPU/);
    expect(remedy).toMatch(/set policy\.activation_checkpointing to true(, [\w.]+ to \w+)* and /);
  });

  test('fits once the remedy is followed', () => {
    const [, remedy] = read(hunyuan('devices: 1'), 'memory');
    const offered = [...remedy.matchAll(/(policy[\w.]+) to (\w+) \(([^)]+)\)/g)];
    expect(offered.length).toBe(2);
    for (const [, key, value, needed] of offered) {
      const { config } = checkText(hunyuan('devices: 1'), { overrides: [`${key}=${value}`], checkFiles: false });
      const { memory } = estimateConfig(config!, { device: 'h100' });
      expect(memory.fits, key).toBe(true);
      expect(bytesWords(memory.total)).toBe(needed);
      expect(memory.total).toBeLessThan(gpus.h100.memory);
    }
  });
});

describe('more checkpoints than the disk holds', () => {
  const many = 'checkpoints: {every: 1, keep: 100000}\ntraining: {iterations: 1000000}\n';

  test('is a warning that says how much there is', () => {
    const [message, remedy] = read(hunyuan('devices: 8', many), 'disk', { checkFiles: true });
    expect(message).toMatch(
      /^x:3:31: warning: The run needs an estimated 12 PiB of disk, 100002 checkpoints of 124 GiB/,
    );
    expect(message).toMatch(/; there are [\d.]+ [KMGTP]iB free beside the config\.$/);
    expect(remedy).toMatch(/free some space/i);
  });

  test('is not looked at where files are not, and not said of a run that the disk holds', () => {
    expect(read(hunyuan('devices: 8', many), 'disk')).toEqual([]);
    expect(read('policy: {model: shapes}\ntraining: {iterations: 2}\n', 'disk', { checkFiles: true })).toEqual([]);
  });
});
