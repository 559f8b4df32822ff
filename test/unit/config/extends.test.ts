import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { stringify } from 'yaml';
import { afterAll, describe, expect, it } from 'vitest';
import { readRunInput } from '../../../engine/cli/train.ts';
import { analyseText } from '../../../engine/config/analyse.ts';
import { applyEdits } from '../../../engine/config/edits.ts';
import { checkText, formatDiagnostic, loadConfig } from '../../../engine/config/load.ts';
import { presetFile, readPreset } from '../../../engine/config/presets.ts';
import { loadPrompts } from '../../../engine/config/prompts.ts';
import { createRun } from '../../../engine/run/folder.ts';
import { collectProvenance } from '../../../engine/run/provenance.ts';
import { promptsFiles } from '../../../engine/training/prompts.ts';

const folder = mkdtempSync(join(tmpdir(), 'sage-extends-'));
afterAll(() => rmSync(folder, { recursive: true }));

function write(name: string, text: string): string {
  const file = join(folder, name);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
  return file;
}

const own = join(folder, 'own.sage.yaml');
const read = (text: string, overrides: string[] = []) => analyseText(text, { file: own, overrides });
const told = (text: string, overrides?: string[]) =>
  read(text, overrides).diagnostics.map((d) => formatDiagnostic(d, '').replaceAll(folder, '…').slice(1));

describe('a config that extends', () => {
  it('a preset has its values, but its own name', () => {
    const { config } = read('extends: shapes');
    const preset = checkText(readPreset('shapes'), { file: presetFile('shapes') }).config;
    expect(config).toEqual({ ...preset, name: 'own' });
    expect(read('extends: shapes\nname: mine').config?.name).toBe('mine');
  });

  it('lays its values over those of the base: blocks by key, lists and null as a whole', () => {
    write(
      'base.sage.yaml',
      'prompts: [a red circle moving left, a red circle moving up, a red circle moving down]\n' +
        'exploration: {eta: 0.3, window: {first: 0, last: 4}}\nrollout: {prompts_per_iteration: 1}\n' +
        'training: {micro_batch: 8, iterations: 30}\nsampling:\n  steps: 12\n',
    );
    const { config, diagnostics } = read(
      'extends: ./base.sage.yaml\nprompts: [a blue square moving up]\nexploration: {kernel: cps, window: {last: 6}}\nsampling:\n  # steps: 20\n',
    );
    expect(diagnostics).toEqual([]);
    expect(config).toMatchObject({
      prompts: ['a blue square moving up'],
      exploration: { eta: 0.3, kernel: 'cps', window: { first: 0, last: 6 } },
      training: { micro_batch: 8, iterations: 30 },
      sampling: { steps: 12 },
    });
    expect(read('extends: base.sage.yaml\nexploration: {window: null}').config?.exploration.window).toBeNull();
  });

  it('takes the defaults of the model that the base names', () => {
    const { config } = read('extends: hunyuan-video-1.5\nsampling: {steps: 30}\ntraining: {accumulation: 29}');
    expect(config).toMatchObject({ policy: { devices: 32 }, sampling: { steps: 30, shift: 5 }, videos: { scale: 1 } });
  });

  it('can be set by a flag, and flags lie over the base', () => {
    expect(read('seed: 7', ['extends=shapes', 'exploration.eta=0.2']).config).toMatchObject({
      ...{ seed: 7, exploration: { eta: 0.2 }, rollout: { prompts_per_iteration: 8 } },
    });
  });

  it('finds the files of a base from the folder of the base', () => {
    write('lib/prompts.txt', 'a red circle moving left\n');
    write('lib/start.safetensors', '');
    const head = 'rollout: {prompts_per_iteration: 1}\ntraining: {micro_batch: 8}\n';
    write('lib/base.sage.yaml', `${head}prompts: {file: prompts.txt}\npolicy: {weights: start.safetensors}`);
    const { config, diagnostics } = read('extends: lib/base.sage.yaml');
    expect(diagnostics).toEqual([]);
    expect(loadPrompts(config!, '/')).toEqual(['a red circle moving left']);
    expect(config?.policy.weights).toBe(join(folder, 'lib/start.safetensors'));
    // A repository is no file.
    write('lib/hub.sage.yaml', 'policy: {weights: owner/name}');
    const hub = read('extends: lib/hub.sage.yaml\npolicy: {model: wan-2.1}\nprompts: [a, b, c, d]');
    expect(hub.config?.policy.weights).toBe('owner/name');
  });

  it('can be extended, up to eight deep', () => {
    write('c0.sage.yaml', 'extends: shapes\nseed: 99');
    for (let i = 1; i <= 8; i++)
      write(`c${i}.sage.yaml`, `extends: c${i - 1}.sage.yaml\ntraining: {iterations: ${50 + i}}`);
    expect(read('extends: c6.sage.yaml').config).toMatchObject({ seed: 99, training: { iterations: 56 } });
    expect(read('extends: c6.sage.yaml').bases.map(({ name }) => name)).toHaveLength(8);
    expect(told('extends: c8.sage.yaml').filter((line) => line.includes('depth'))).toEqual([
      '1:10: error: In "c1.sage.yaml": More than 8 configs extend one another here, up to "c0.sage.yaml".\n    Extend one that is nearer to the values, or remove the line. [config/extends-depth]',
    ]);
  });
});

describe('what is wrong with a base', () => {
  it('is told at the line that extends it', () => {
    write('loop.sage.yaml', 'extends: own.sage.yaml\nseed: 1');
    write('lost.sage.yaml', 'extends: shaeps');
    write('tab.sage.yaml', 'seed: 1\nrollout:\n\tgenerations: 4');
    expect(told('seed: 1\nextends: own.sage.yaml')).toEqual([
      '2:10: error: "own.sage.yaml" extends itself.\n    Remove the `extends` of one of them. [config/extends-cycle]',
    ]);
    expect(told('extends: loop.sage.yaml')).toEqual([
      '1:10: error: In "loop.sage.yaml": These configs extend one another in a circle: "own.sage.yaml" → "loop.sage.yaml" → "own.sage.yaml".\n    Remove the `extends` of one of them. [config/extends-cycle]',
    ]);
    expect(told('extends: lost.sage.yaml')).toEqual([
      '1:10: error: In "lost.sage.yaml": There is no preset "shaeps".\n    Did you mean `shapes`? [config/unknown-preset]',
    ]);
    expect(told('extends: tab.sage.yaml')).toEqual([
      '1:10: error: "tab.sage.yaml", line 3: A tab indents this line.\n    Indent with spaces; YAML does not allow tabs. [config/broken-base]',
    ]);
    expect(told('extends: ./los.sage.yaml')).toEqual([
      '1:10: error: There is no file "…/los.sage.yaml".\n    Did you mean "lost.sage.yaml"? [config/missing-file]',
    ]);
    expect(told('extends: [shapes]')).toEqual([
      '1:10: error: extends is a list of 1, but must be text.\n    Write text, or remove the line. [config/wrong-type]',
    ]);
  });

  it('among its values is told there too, with the name of the base and its line', () => {
    write('bad.sage.yaml', 'seed: 1\ntraining:\n  micro_batch: 12\nsampling: {stpes: 10, shift: 0}\n');
    expect(told('seed: 2\nextends: bad.sage.yaml').map((text) => text.split('\n')[0])).toEqual([
      '2:10: error: From "bad.sage.yaml", line 4: sampling.shift is 0, but must be a number between 0.001 and 100: the schedule bends the other way, or not at all, outside it.',
      '2:10: error: From "bad.sage.yaml", line 4: There is no key "stpes" in sampling.',
      '2:10: error: From "bad.sage.yaml", line 3: 4 prompts × 8 generations are 32 samples, which training.micro_batch, 12, does not divide.',
    ]);
  });

  it('can be put right in the file itself, by a value over it', () => {
    write('bad.sage.yaml', 'training: {micro_batch: 12}\nsampling: {stpes: 10}\n');
    const { tree, diagnostics } = read('extends: bad.sage.yaml');
    const [unknown, divide] = diagnostics;
    expect(unknown.fixes).toBeUndefined();
    const fix = divide.fixes!.find((each) => each.title === 'Set training.micro_batch to 8')!;
    const after = read(stringify(applyEdits(tree.value, fix.edits)));
    expect(after.diagnostics.map(({ code }) => code)).toEqual(['config/unknown-key']);
  });

  it('is no mistake where it only does nothing here', () => {
    const text =
      'extends: shapes\ntraining: {iterations: 3}\ntrust_region: {anchor: {mode: none}}\nevaluation: {every: 5}\n';
    expect(read(text).diagnostics.map(({ code, path }) => `${code} ${path}`)).toEqual([
      'config/interval-beyond-run evaluation.every',
    ]);
  });

  it('is told at the line of the file where both have a part in it', () => {
    const [error] = read('extends: shapes\ntraining: {micro_batch: 12}').diagnostics;
    expect(error).toMatchObject({ code: 'config/micro-batch', path: 'training.micro_batch', line: 2 });
    const [other] = read('extends: shapes\nrollout: {generations: 7}').diagnostics;
    expect(other).toMatchObject({ code: 'config/micro-batch', path: 'rollout.generations', line: 2 });
  });
});

it('where a value comes from is known', () => {
  write('mid.sage.yaml', 'extends: hunyuan-video-1.5\nsampling: {steps: 30}\n');
  const { originOf } = read(
    'extends: mid.sage.yaml\ntraining: {accumulation: 29}\nprompts: [a, b, c, d, e, f, g, h]\n',
  );
  expect(originOf('training.accumulation')).toMatchObject({
    kind: 'written',
    place: { value: { line: 2, column: 26 } },
  });
  expect(originOf('sampling.steps')).toMatchObject({
    ...{ kind: 'base', name: 'mid.sage.yaml', file: join(folder, 'mid.sage.yaml'), place: { value: { line: 2 } } },
  });
  expect(originOf('policy.devices')).toMatchObject({
    kind: 'base',
    name: 'hunyuan-video-1.5',
    file: presetFile('hunyuan-video-1.5'),
  });
  expect(originOf('videos.scale')).toEqual({ kind: 'default', model: 'hunyuan-video-1.5' });
  expect(originOf('training.beta1')).toEqual({ kind: 'default', model: null });
  // The list replaced that of the base, which is longer.
  expect(originOf('prompts.1')).toMatchObject({ kind: 'written' });
  expect(originOf('prompts.12')).toEqual({ kind: 'default', model: null });
});

it('a run that is resumed has the very config it was launched with, whatever became of the base', async () => {
  const base = write(
    'gone/base.sage.yaml',
    'extends: shapes\nprompts: {file: p.txt}\nrollout: {prompts_per_iteration: 1}\ntraining: {micro_batch: 8}',
  );
  write('gone/p.txt', 'a red circle moving left\n');
  const file = write('launched.sage.yaml', 'extends: gone/base.sage.yaml\nexploration: {eta: 0.123456789012345}\n');
  const { config, text } = loadConfig(file, ['training.iterations=7']);
  const prompts = { training: loadPrompts(config, folder), evaluation: loadPrompts(config, folder) };
  const provenance = await collectProvenance({ seed: config.seed, devices: ['cpu'] });
  const run = await createRun(join(folder, 'runs'), config.name, text, config, provenance, {
    files: promptsFiles(prompts),
  });
  rmSync(dirname(base), { recursive: true });
  expect(() => loadConfig(file)).toThrow(/There is no file/);
  const resumed = await readRunInput(run.folder);
  expect(resumed).toEqual({ config, prompts });
  expect(resumed.config).not.toHaveProperty('extends');
  expect(readFileSync(join(run.folder, 'config.sage.yaml'), 'utf8')).toBe(text);
});
