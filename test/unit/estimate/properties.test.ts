import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { analyseText } from '../../../engine/config/analyse.ts';
import { deviceNames } from '../../../engine/config/estimate/names.ts';
import { estimateConfig, type Estimate } from '../../../engine/config/estimate/estimate.ts';
import { estimateMarkdown, estimateText } from '../../../engine/config/estimate/text.ts';
import { kernelNames } from '../../../engine/method/kernels.ts';
import { estimate as schema } from '../../../engine/protocol/estimate.ts';
import type { Config } from '../../../engine/config/schema.ts';

/** Values within the ranges of their keys, together valid or not. */
const written = fc.record({
  policy: fc.record({
    model: fc.constantFrom('shapes', 'hunyuan-video-1.5', 'wan-2.1'),
    devices: fc.integer({ min: 1, max: 65536 }),
    sequence_parallel: fc.integer({ min: 1, max: 1024 }),
    threads: fc.integer({ min: 1, max: 1024 }),
    precision: fc.constantFrom('bf16', 'fp32'),
    activation_checkpointing: fc.boolean(),
    adapter: fc.record({ kind: fc.constantFrom('none', 'lora'), rank: fc.integer({ min: 1, max: 1024 }) }),
  }),
  sampling: fc.record({
    steps: fc.integer({ min: 1, max: 1000 }),
    guidance: fc.constantFrom(0, 1, 6),
    frames: fc.integer({ min: 1, max: 1024 }),
    height: fc.integer({ min: 16, max: 4096 }),
    width: fc.integer({ min: 16, max: 4096 }),
  }),
  exploration: fc.record({ kernel: fc.constantFrom(...kernelNames) }),
  rollout: fc.record({
    prompts_per_iteration: fc.integer({ min: 1, max: 100_000 }),
    generations: fc.integer({ min: 2, max: 4096 }),
  }),
  training: fc.record({
    iterations: fc.integer({ min: 1, max: 10_000_000 }),
    micro_batch: fc.integer({ min: 1, max: 100_000 }),
    accumulation: fc.integer({ min: 1, max: 1_000_000 }),
    steps_per_sample: fc.option(fc.integer({ min: 1, max: 1000 })),
  }),
  trust_region: fc.record({ anchor: fc.record({ mode: fc.constantFrom('moving', 'fixed', 'none') }) }),
  evaluation: fc.record({ every: fc.integer({ min: 0, max: 10_000_000 }) }),
  checkpoints: fc.record({
    every: fc.integer({ min: 0, max: 10_000_000 }),
    keep: fc.integer({ min: 1, max: 100_000 }),
  }),
  videos: fc.record({ every: fc.integer({ min: 0, max: 10_000_000 }), quality: fc.integer({ min: 10, max: 51 }) }),
});

const configOf = (values: object): Config => analyseText(JSON.stringify(values), { checkFiles: false }).config!;

describe('the estimate of any config', () => {
  test('is finite, passes the protocol and can be shown', () => {
    fc.assert(
      fc.property(written, fc.constantFrom(...deviceNames), (values, device) => {
        const estimate = estimateConfig(configOf(values), { device });
        expect(schema.parse(JSON.parse(JSON.stringify(estimate)))).toEqual(estimate);
        for (const text of [estimateText(estimate), estimateMarkdown(estimate)])
          expect(text).not.toMatch(/NaN|Infinity|undefined|null/);
      }),
      { numRuns: 100 },
    );
  });

  const grows = (
    change: (config: Config) => Config,
    of: (estimate: Estimate) => number,
    first = (config: Config): Config => config,
  ) =>
    fc.assert(
      fc.property(written, (values) => {
        const config = first(configOf(values));
        const [less, more] = [config, change(config)].map((each) => of(estimateConfig(each)));
        expect(more).toBeGreaterThanOrEqual(less);
      }),
      { numRuns: 50 },
    );

  test('has more memory with more frames, without checkpointing and with fewer GPUs', () => {
    const total = ({ memory }: Estimate) => memory.total;
    // Short videos share passes and long ones do not, so that the step from one to the other may save memory.
    const oneByOne = (config: Config): Config => ({
      ...config,
      policy: { ...config.policy, guidance_batching: 'sequential' },
      training: { ...config.training, micro_batch: 1 },
    });
    grows(
      (config) => ({ ...config, sampling: { ...config.sampling, frames: config.sampling.frames + 8 } }),
      total,
      oneByOne,
    );
    grows(
      (config) => ({ ...config, policy: { ...config.policy, activation_checkpointing: false } }),
      (estimate) => estimate.memory.total,
    );
    grows(
      ({ policy, ...config }) => ({
        ...config,
        policy: { ...policy, devices: Math.ceil(policy.devices / 2), sequence_parallel: 1 },
      }),
      ({ memory }) =>
        memory.parts.reduce(
          (sum, { part, bytes }) => sum + (part === 'optimizer' || part === 'gradients' ? bytes : 0),
          0,
        ),
    );
  });

  test('has more time with more steps, iterations and rollouts', () => {
    const run = ({ seconds }: Estimate) => seconds.run;
    grows((config) => ({ ...config, sampling: { ...config.sampling, steps: config.sampling.steps + 1 } }), run);
    grows(
      (config) => ({ ...config, training: { ...config.training, iterations: config.training.iterations + 1 } }),
      run,
    );
    grows(
      (config) => ({ ...config, rollout: { ...config.rollout, generations: 2 * config.rollout.generations } }),
      run,
    );
  });
});
