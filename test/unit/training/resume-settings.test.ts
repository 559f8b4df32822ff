import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { ConfigError } from '../../../engine/config/diagnostics.ts';
import { checkText } from '../../../engine/config/load.ts';
import { planIteration } from '../../../engine/config/plan.ts';
import { listPresets, readPreset } from '../../../engine/config/presets.ts';
import type { Config } from '../../../engine/config/schema.ts';
import { keyAt } from '../../../engine/config/walk.ts';
import { SageError } from '../../../engine/errors.ts';
import { resumableKeys, settingsForResume } from '../../../engine/training/resume-settings.ts';

function configOf(text: string): Config {
  const { config, diagnostics } = checkText(text, { checkFiles: false });
  if (!config) throw new Error(JSON.stringify(diagnostics));
  return config;
}

const set = (config: Config, ...overrides: string[]) => settingsForResume(config, overrides, 'RUN/run.json');

function refusal(config: Config, ...overrides: string[]): SageError {
  try {
    set(config, ...overrides);
  } catch (error) {
    if (error instanceof SageError) return error;
    throw error;
  }
  throw new Error('it was not refused');
}

/** 4 prompts × 8 generations, 9 explored steps; an update takes 16 samples at a step. */
const embedded = configOf('training: {micro_batch: 8, accumulation: 2}');
const torch = configOf('policy: {backend: torch, devices: 2}\ntraining: {micro_batch: 4, accumulation: 2}');

describe('the settings of a resumed run', () => {
  it('are those of the run where nothing is set', () => {
    for (const { name } of listPresets()) {
      const config = configOf(readPreset(name));
      expect(set(config)).toEqual({ config, changes: [], warnings: [] });
    }
  });

  it('are the new values and all else as it was, with what changed', () => {
    const { config, changes, warnings } = set(
      embedded,
      'checkpoints.keep=7',
      'videos.per_prompt=2',
      'policy.threads=1',
    );
    expect(config).toEqual({
      ...embedded,
      policy: { ...embedded.policy, threads: 1 },
      checkpoints: { ...embedded.checkpoints, keep: 7 },
      videos: { ...embedded.videos, per_prompt: 2 },
    });
    expect(changes).toEqual([
      { path: 'policy.threads', from: 2, to: 1 },
      { path: 'checkpoints.keep', from: 3, to: 7 },
      { path: 'videos.per_prompt', from: null, to: 2 },
    ]);
    expect(warnings).toEqual([]);
  });

  it('name a value that is what it was as no change; of two values for a key the last holds', () => {
    expect(set(embedded, 'policy.threads=2').changes).toEqual([]);
    expect(set(embedded, 'policy.threads=4', 'policy.threads=3').config.policy.threads).toBe(3);
  });

  it('warn of a value that has no effect, and of nothing else', () => {
    const quiet = configOf('videos: {every: 0}\nsampling: {train_guidance: false}');
    expect(set(quiet, 'checkpoints.every=5').warnings).toEqual([]);
    expect(set(quiet, 'videos.quality=30').warnings).toMatchObject([
      { path: 'videos.quality', flag: 'videos.quality=30', severity: 'warning' },
    ]);
  });

  it('are keys of the schema, each with a plain value', () => {
    for (const path of resumableKeys) expect(keyAt(path)?.kind, path).toMatch(/^(integer|boolean|choice)$/);
  });
});

describe('samples of an update', () => {
  it('stay as many: accumulation follows micro-batch and devices', () => {
    expect(set(embedded, 'training.micro_batch=4').changes).toEqual([
      { path: 'training.micro_batch', from: 8, to: 4 },
      { path: 'training.accumulation', from: 2, to: 4 },
    ]);
    expect(set(torch, 'policy.devices=1').config.training).toMatchObject({ micro_batch: 4, accumulation: 4 });
    expect(set(torch, 'policy.devices=4').config.training).toMatchObject({ micro_batch: 4, accumulation: 1 });
    const same = set(torch, 'policy.devices=1', 'training.micro_batch=8').config.training;
    expect(same).toMatchObject({ micro_batch: 8, accumulation: 2 });
  });

  it('stay as many with any devices and micro-batch that are accepted; the others are refused with one that is', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 40 }), (devices, size) => {
        const wanted = [`policy.devices=${devices}`, `training.micro_batch=${size}`];
        const fits = 16 % (devices * size) === 0;
        if (fits) {
          const plan = planIteration(set(torch, ...wanted).config)!;
          expect(plan).toMatchObject({ effectiveBatch: 16, updates: planIteration(torch)!.updates });
          return;
        }
        const { code, remedy } = refusal(torch, ...wanted);
        expect(code).toBe('resume/batch');
        for (const [, path, numbers] of remedy.matchAll(/(training\.micro_batch|policy\.devices) to ([\d or]+)/g))
          for (const number of numbers.split(' or ').map((each) => each.trim()))
            if (!remedy.includes('and training.micro_batch'))
              expect(() => set(torch, ...wanted, `${path}=${number}`), `${path}=${number}`).not.toThrow();
            else expect(() => set(torch, `policy.devices=${number}`, 'training.micro_batch=1')).not.toThrow();
      }),
      { numRuns: 200 },
    );
  });

  it('are refused where they would be others, with the nearest values that are right', () => {
    const error = refusal(embedded, 'training.micro_batch=32');
    expect(error).toMatchObject({
      code: 'resume/batch',
      exitCode: 2,
      place: { file: 'RUN/run.json', key: 'training.micro_batch' },
      message:
        'A training.micro_batch of 32 takes 32 samples at once, which does not divide the 16 samples of an update.',
    });
    expect(error.remedy).toMatch(/^Set training\.micro_batch to 16\. .*`extends`/);
    const devices = refusal(torch, 'policy.devices=3');
    expect(devices.message).toContain('On 3 devices a training.micro_batch of 4 takes 12 samples at once');
    expect(devices.remedy).toMatch(/^Set policy\.devices to 2 or 4\./);
    expect(devices.place.key).toBe('policy.devices');
  });
});

describe('what a resumed run cannot be given', () => {
  test.each([
    [
      'exploration.eta=0.4',
      'exploration.eta stays what it was for as long as a run lasts.',
      /`extends`.*policy\.devices/,
    ],
    ['training.accumulation=4', 'follows from policy.devices and training.micro_batch', /Leave it out/],
    ['checkpoints={every: 4}', 'checkpoints is a block of keys.', /checkpoints\.every, checkpoints\.keep or/],
    ['training.microbatch=4', 'There is no key training.microbatch.', /Did you mean training\.micro_batch\?/],
    ['nonsense=4', 'There is no key nonsense.', /policy\.devices, policy\.threads/],
    [
      'policy.devices=2',
      'only read by the torch backend, and this run is one of onnx',
      /Leave --set policy\.devices out/,
    ],
  ])('is %s', (override, message, remedy) => {
    const error = refusal(embedded, 'policy.threads=1', override);
    expect(error).toMatchObject({ code: 'resume/key', exitCode: 2, place: { key: override.split('=')[0] } });
    expect(error.message).toContain(message);
    expect(error.remedy).toMatch(remedy);
  });

  test.each([
    ['training.micro_batch=0', 'training.micro_batch is 0, but must be a whole number between 1'],
    ['policy.threads=two', 'policy.threads is the text "two", but must be a whole number'],
    ['policy.threads', '"policy.threads" does not say which key gets which value.'],
    ['policy.threads=', '--set policy.threads has no value.'],
    ['policy.threads=[', 'The value of --set policy.threads is not valid YAML.'],
    ['videos.scale=4', 'players need 256'],
  ])('is %s, said as a config says it, with the flag as the place', (override, message) => {
    const error = refusal(embedded, override) as ConfigError;
    expect(error).toBeInstanceOf(ConfigError);
    expect(error.diagnostics).toMatchObject([{ severity: 'error', flag: override }]);
    expect(error.message).toContain(message);
  });

  it('is another number of iterations where the learning rate falls over them', () => {
    expect(set(embedded, 'training.iterations=90').config.training.iterations).toBe(90);
    const falling = configOf('training: {learning_rate_schedule: cosine}');
    expect(refusal(falling, 'training.iterations=90')).toMatchObject({
      code: 'resume/iterations',
      place: { key: 'training.iterations' },
      message: expect.stringContaining('training.learning_rate_schedule is cosine'),
    });
  });

  it('does not depend on what else the config would be told today', () => {
    const old: Config = { ...embedded, videos: { ...embedded.videos, scale: 4 } };
    expect(set(old, 'policy.threads=1').changes).toHaveLength(1);
  });

  it('does not depend on the length of a list of prompts', () => {
    const prompts = Array.from({ length: 30_000 }, (_, i) => `a boat drifts, ${i}`);
    expect(set({ ...embedded, prompts }, 'policy.threads=1').config.prompts).toEqual(prompts);
  });
});
