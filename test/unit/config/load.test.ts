import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { checkText, ConfigError, formatDiagnostic, loadConfig, validateText } from '../../../engine/config/load.ts';
import { configSchema } from '../../../engine/config/schema.ts';

const folder = mkdtempSync(join(tmpdir(), 'sage-config-'));
afterAll(() => rmSync(folder, { recursive: true }));

describe('a config that is valid', () => {
  it('is resolved: every key has a value, and resolving it again changes nothing', () => {
    const { config } = checkText('exploration: {eta: 0.3}', { file: '/runs/my run.sage.yaml' });
    expect(config).toMatchObject({
      name: 'my-run',
      seed: 42,
      exploration: { eta: 0.3, kernel: 'sage' },
      prompts: 'all',
    });
    expect(configSchema.parse(config)).toEqual(config);
  });

  it('takes the defaults of its model', () => {
    const { config } = checkText('policy: {model: hunyuan-video-1.5}\nprompts: [a, b, c, d]\nsampling: {steps: 30}');
    expect(config).toMatchObject({
      policy: { backend: 'torch', precision: 'bf16', activation_checkpointing: true },
      sampling: { steps: 30, shift: 5, guidance: 6, frames: 81, height: 352, width: 624 },
      rollout: { generations: 4 },
      reward: { model: 'videoalign', weights: { VQ: 0.5, MQ: 0.5, TA: 1 } },
      training: { learning_rate: 1e-5, weight_decay: 0.01, micro_batch: 1 },
      evaluation: { steps: 40, seed: 930 },
    });
  });

  it('may leave a block without keys, and use anchors and merge keys', () => {
    const text =
      'sampling:\n  # steps: 20\nevaluation: &often\n  every: 2\ncheckpoints:\n  <<: *often\n  keep: 1\nvideos: *often';
    expect(checkText(text).config).toMatchObject({
      sampling: { steps: 10 },
      checkpoints: { every: 2, keep: 1 },
      videos: { every: 2 },
    });
  });

  it('warns without refusing', () => {
    const file = join(folder, 'warned.sage.yaml');
    writeFileSync(file, 'training: {learning_rate: 0.1}\n');
    const { config, diagnostics, text } = loadConfig(file);
    expect([config.name, config.training.learning_rate, text]).toEqual([
      'warned',
      0.1,
      'training: {learning_rate: 0.1}\n',
    ]);
    expect(diagnostics.map((d) => `${d.severity} ${d.code}`)).toEqual(['warning config/learning-rate']);
  });
});

describe('--set', () => {
  const set = (...overrides: string[]) => {
    const { config, diagnostics } = checkText('exploration:\n  kernel: sage\n', { overrides });
    return config ?? diagnostics.flatMap((d) => formatDiagnostic(d, 'x').split('\n    '));
  };

  it('puts values over those of the file, the last one last', () => {
    expect(
      set(
        'exploration.eta=0.3',
        'exploration.window={first: 0, last: 4}',
        'training.iterations=3',
        'training.iterations=5',
        'prompts=all',
      ),
    ).toMatchObject({
      exploration: { kernel: 'sage', eta: 0.3, window: { first: 0, last: 4 } },
      training: { iterations: 5 },
    });
    expect(set('exploration.window.first=1', 'exploration.window.last=2', 'policy.weights=null')).toMatchObject({
      exploration: { window: { first: 1, last: 2 } },
    });
  });

  it('is checked like the file, and the flag is named as the place', () => {
    expect(set('explroation.eta=0.3')).toEqual([
      '--set explroation.eta=0.3: error: There is no key "explroation" in a config.',
      'Did you mean `exploration`? [config/unknown-key]',
    ]);
    expect(set('exploration.eta=abc')).toEqual([
      '--set exploration.eta=abc: error: exploration.eta is the text "abc", but must be a number above 0 and at most 10.',
      'Write a number above 0 and at most 10, such as 0.5. [config/wrong-type]',
    ]);
    expect(set('rollout.generations=5')).toEqual([
      '--set rollout.generations=5: error: 4 prompts × 5 generations are 20 samples, which training.micro_batch, 32, does not divide.',
      'Set training.micro_batch to 20 (valid: 1, 2, 4, 5, 10, 20), or rollout.prompts_per_iteration to 32, or rollout.generations to 8. [config/micro-batch]',
    ]);
  });

  it.each([
    ['eta', '"eta" does not say which key gets which value.'],
    ['=3', '"=3" does not say which key gets which value.'],
    ['sampling..steps=3', '"sampling..steps=3" does not say which key gets which value.'],
    ['exploration.eta=', '--set exploration.eta has no value.'],
    ['name="abc', 'The value of --set name is not valid YAML.'],
    ['seed=*a', 'The value of --set seed cannot be used.'],
  ])('%s is refused', (flag, message) => {
    expect(set(flag)).toEqual([`--set ${flag}: error: ${message}`, expect.stringContaining('[config/override]')]);
  });
});

describe('a config that cannot be read', () => {
  it('is an error of usage with everything that is wrong', () => {
    const file = join(folder, 'wrong.sage.yaml');
    writeFileSync(file, 'sed: 1\nsampling: {steps: 0}\n');
    const thrown = catchError(() => loadConfig(file));
    expect(thrown).toBeInstanceOf(ConfigError);
    expect(thrown).toMatchObject({
      exitCode: 2,
      code: 'config/unknown-key',
      message: 'There is no key "sed" in a config. (and 1 more)',
      remedy: 'Did you mean `seed`?',
      place: { file, line: 1, column: 1, key: 'sed' },
    });
    expect((thrown as ConfigError).diagnostics).toHaveLength(2);
  });

  it.each([
    ['missing.sage.yaml', null, 'config/missing-file'],
    ['.', null, 'config/not-a-file'],
    ['latin.sage.yaml', Buffer.from('name: caf\xe9', 'latin1'), 'config/not-text'],
    ['wide.sage.yaml', Buffer.from('\uFEFFname: a', 'utf16le'), 'config/not-utf8'],
    ['zip.sage.yaml', Buffer.from('PK\x03\x04'), 'config/not-text'],
    ['big.sage.yaml', Buffer.alloc(5 * 2 ** 20, 'a'), 'config/too-large'],
  ])('%s', (name, bytes, code) => {
    const file = join(folder, name);
    if (bytes !== null) writeFileSync(file, bytes);
    expect(catchError(() => loadConfig(file))).toMatchObject({ name: 'ConfigError', exitCode: 2, code });
  });
});

it('weights that are not there are missed before a run starts', () => {
  expect(validateText('policy: {weights: ./none.safetensors}').map((d) => d.message)).toEqual([
    'There is no file or folder "./none.safetensors".',
  ]);
  const errors = (weights: string) =>
    validateText(
      `policy: {model: wan-2.1, backend: torch, weights: ${weights}}\nprompts: [a boat]\nrollout: {prompts_per_iteration: 1}`,
    )
      .filter(({ severity }) => severity === 'error')
      .map(({ message }) => message);
  // One word, or more than two, is no repository.
  expect(errors('wan')).toEqual(['There is no file or folder "wan".']);
  expect(errors('models/video/wan')).toEqual(['There is no file or folder "models/video/wan".']);
  expect(errors('Wan-AI/Wan2.1')).toEqual([]);
  expect(errors('~/wan')).toEqual([]);
});

function catchError(action: () => unknown): unknown {
  try {
    action();
  } catch (error) {
    return error;
  }
  throw new Error('nothing was thrown');
}
