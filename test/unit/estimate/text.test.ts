import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { gpus } from '../../../engine/config/estimate/devices.ts';
import { estimateConfig } from '../../../engine/config/estimate/estimate.ts';
import { estimateFacts } from '../../../engine/config/estimate/facts.ts';
import { estimateMarkdown, estimateText } from '../../../engine/config/estimate/text.ts';
import { blockBytes } from '../../../engine/config/estimate/measured.ts';
import { bytesWords, countWords, flopsWords, secondsWords } from '../../../engine/config/estimate/words.ts';
import { loadConfig } from '../../../engine/config/load.ts';
import { packageRoot } from '../../../engine/package-root.ts';
import { estimate as schema } from '../../../engine/protocol/estimate.ts';

const presets = ['shapes', 'shapes-compare', 'hunyuan-video-1.5', 'hunyuan-video-1.5-lora'];
const estimateOf = (name: string) =>
  estimateConfig(loadConfig(path.join(packageRoot(), 'examples', `${name}.sage.yaml`)).config);

describe.each(presets)('the estimate of %s', (name) => {
  const estimate = estimateOf(name);

  test('is plain data that passes the protocol, the same each time', () => {
    expect(schema.parse(JSON.parse(JSON.stringify(estimate)))).toEqual(estimate);
    expect(estimateOf(name)).toEqual(estimate);
  });

  test('adds up', () => {
    const { memory, seconds, disk, work, flops } = estimate;
    const there = memory.parts.filter(({ stage }) => stage === null || stage === memory.stage);
    expect(there.reduce((sum, { bytes }) => sum + bytes, 0) / memory.total).toBeCloseTo(1, 9);
    expect(seconds.rollout + seconds.decode + seconds.score + seconds.update).toBeCloseTo(seconds.iteration, 9);
    expect(seconds.run).toBeGreaterThan(work.evaluations * seconds.evaluation);
    expect(disk.total).toBeGreaterThan(disk.checkpoints * disk.checkpointBytes);
    expect(flops.iteration).toBeGreaterThan(work.rollouts * work.trained * flops.replay);
    expect(Object.values({ ...seconds, ...disk, ...flops }).filter((value) => !(value >= 0))).toEqual([]);
  });

  test('says in both forms what it is, what it rests on, and every part', () => {
    for (const text of [estimateText(estimate), estimateMarkdown(estimate, 'mine')]) {
      expect(text).toContain('An estimate, not a measurement.');
      for (const sentence of estimate.assumptions) expect(text).toContain(sentence);
      for (const word of [
        'peak',
        'optimizer',
        'rollout',
        'decode',
        'score',
        'update',
        'the run',
        'checkpoints',
        'videos',
      ])
        expect(text).toMatch(new RegExp(`${word}`));
    }
  });
});

test('a name in the page is text, whatever it is', () => {
  expect(estimateMarkdown(estimateOf('shapes'), '<b>*x*</b> [y](z)').split('\n')[0]).toBe(
    '# Estimate of \\<b\\>\\*x\\*\\</b\\> \\[y\\]\\(z\\)',
  );
});

test('hints are short', () => {
  expect(estimateFacts(estimateOf('hunyuan-video-1.5-lora'))).toMatchObject({
    tokens: '18,018 tokens a video',
    rollouts: '8 videos an iteration',
    updates: '2 updates an iteration',
    effectiveBatch: '40 samples an update',
    memory: '≈ 42 GiB of the GPU',
    run: expect.stringMatching(/^≈ .+ the run$/) as string,
  });
  expect(estimateFacts(estimateOf('hunyuan-video-1.5'))).toMatchObject({
    effectiveBatch: expect.stringMatching(/^\d+ samples an update on each of \d+ ranks$/) as string,
    memory: expect.stringMatching(/^≈ \d+ GiB of each GPU$/) as string,
  });
  expect(estimateFacts(estimateOf('shapes'))).toMatchObject({
    tokens: '16 tokens a video',
    updates: '4 updates an iteration',
    effectiveBatch: '64 samples an update',
    memory: expect.stringMatching(/^≈ \d+ MiB$/) as string,
  });
});

test('numbers are as round as an estimate', () => {
  expect([0, 900, 2048, 1.5 * 2 ** 30, 31.4 * 2 ** 30].map(bytesWords)).toEqual([
    '0 B',
    '900 B',
    '2 KiB',
    '1.5 GiB',
    '31 GiB',
  ]);
  expect([554_400, 254_803_968, 8_326_608_160].map(countWords)).toEqual(['554,400', '255 M', '8.33 B']);
  expect([13.6e6, 243e12, 2.1e18].map(flopsWords)).toEqual(['14 MFLOP', '243 TFLOP', '2.1 EFLOP']);
  expect([0.483, 58.4, 115, 120, 720, 12_000, 119_000, 800_000].map(secondsWords)).toEqual([
    ...['0.48 s', '58 s', '1 min 55 s', '2 min', '12 min', '3 h 20 min', '33 h', '9 days'],
  ]);
});

test('the documentation has the numbers that are used', () => {
  const page = readFileSync(path.join(packageRoot(), 'docs', 'estimates.md'), 'utf8').replaceAll(/ +/g, ' ');
  for (const [name, { title, memory, peak, achieved }] of Object.entries(gpus)) {
    const shares = [achieved.transformer, achieved.decoder, achieved.reward].map((share) => `${100 * share} %`);
    const rates = [peak.bf16, peak.fp32].map((rate) => rate / 1e12);
    expect(page).toContain(`| ${[`\`${name}\``, title, bytesWords(memory), ...rates, ...shares].join(' | ')} |`);
  }
  for (const [model, title] of [
    ['hunyuan-video-1.5', 'HunyuanVideo-1.5'],
    ['wan-2.1', 'Wan2.1'],
  ] as const)
    for (const precision of ['bf16', 'fp32'] as const) {
      const { kept, most, forward } = blockBytes[model][precision];
      const figures = [kept.none, kept.lora, most.none, most.lora].map((bytes) => bytes.toLocaleString('en-US'));
      const without = [forward.none, forward.lora].map((bytes) => bytes.toLocaleString('en-US')).join('; ');
      expect(page).toContain(`| ${[title, precision, ...figures, without].join(' | ')} |`);
    }
});
