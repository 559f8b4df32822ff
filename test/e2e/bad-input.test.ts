import { copyFileSync, cpSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { loadConfig } from '../../engine/config/load.ts';
import { openEventLog } from '../../engine/run/event-log.ts';
import { createRun } from '../../engine/run/folder.ts';
import { collectProvenance } from '../../engine/run/provenance.ts';
import { launch, onlyRun, sage, temporaryFolder, tinyConfig, weightsOf, type Ended } from './support.ts';

const root = path.resolve(import.meta.dirname, '../..');
const shippedWeights = path.join(root, 'engine', 'shapes', 'weights');

/** One message on the standard error, and nothing begun. */
function expectRefusal({ code, stderr, stdout }: Ended, expected: { code: number; says: string[] }): void {
  expect({ code, stdout }).toEqual({ code: expected.code, stdout: '' });
  for (const text of expected.says) expect(stderr).toContain(text);
  expect(stderr).not.toContain('something went wrong inside');
}

describe('a config', () => {
  test('that is missing is named, with exit code 2', async () => {
    const folder = temporaryFolder();
    const ended = await sage(['train', 'nowhere.sage.yaml'], { cwd: folder });
    expectRefusal(ended, {
      code: 2,
      says: [
        'nowhere.sage.yaml:1:1: error: There is no file "nowhere.sage.yaml".',
        'Check the path. [config/missing-file]',
      ],
    });
    expect(ended.stderr.match(/error/g)).toHaveLength(1);
    expect(existsSync(path.join(folder, 'runs'))).toBe(false);
  });

  test('that is a folder, or no text, is named too', async () => {
    const folder = temporaryFolder();
    mkdirSync(path.join(folder, 'a.sage.yaml'));
    writeFileSync(path.join(folder, 'b.sage.yaml'), Buffer.from([0xff, 0xfe, 0x00, 0x01, 0x02, 0xc3, 0x28]));
    for (const name of ['a', 'b'])
      expectRefusal(await sage(['train', `${name}.sage.yaml`], { cwd: folder }), {
        code: 2,
        says: [`${name}.sage.yaml:1:1: error: `],
      });
  });
});

describe('weights that are none', () => {
  const junk: Record<string, [Buffer, string]> = {
    'page.safetensors': [Buffer.from('<!doctype html><title>404</title>'), 'it looks like markup'],
    'pointer.safetensors': [
      Buffer.from('version https://git-lfs.github.com/spec/v1\noid sha256:0\n'),
      'a Git LFS pointer',
    ],
    'empty.safetensors': [Buffer.alloc(0), 'it is empty'],
    'half.safetensors': [
      readFileSync(path.join(shippedWeights, 'policy.safetensors')).subarray(0, 100_000),
      'bytes of data follow the header',
    ],
    'graph.onnx': [
      readFileSync(path.join(shippedWeights, 'velocity.onnx')).subarray(0, 5000),
      'it begins with the bytes',
    ],
  };

  test.concurrent.each(Object.keys(junk))('%s is named with what it looks like, and no run is begun', async (name) => {
    const folder = temporaryFolder();
    writeFileSync(path.join(folder, name), junk[name][0]);
    const config = tinyConfig(folder, { policy: { model: 'shapes', threads: 1, weights: name } });
    const runs = path.join(folder, 'runs');
    const ended = await sage(['train', config, '--runs', runs]);
    const file = path.join(folder, name);
    expectRefusal(ended, {
      code: 1,
      says: [`error[file/not-safetensors]: ${file} is not a valid safetensors file: `, junk[name][1], '→ '],
    });
    expect(existsSync(runs)).toBe(false);
  });

  test('of another place than the run are found again when it is resumed', async () => {
    const folder = temporaryFolder();
    copyFileSync(path.join(shippedWeights, 'policy.safetensors'), path.join(folder, 'mine.safetensors'));
    const config = tinyConfig(folder, {
      policy: { model: 'shapes', threads: 1, weights: 'mine.safetensors' },
      training: { iterations: 1, micro_batch: 4 },
      checkpoints: { every: 0 },
    });
    const runs = path.join(folder, 'runs');
    expect(await sage(['train', config, '--runs', runs])).toMatchObject({ code: 0 });
    const runFolder = onlyRun(runs);
    const before = weightsOf(runFolder, 1);
    expect(await sage(['resume', runFolder, '--from', '0'])).toMatchObject({ code: 0, stderr: '' });
    expect(weightsOf(runFolder, 1)).toEqual(before);
  });
});

test('a model graph that is no ONNX graph is named, by the doctor too', async () => {
  // A copy of the program whose model is damaged.
  const copy = temporaryFolder();
  for (const name of ['engine', 'examples', 'package.json'])
    cpSync(path.join(root, name), path.join(copy, name), { recursive: true });
  symlinkSync(path.join(root, 'node_modules'), path.join(copy, 'node_modules'));
  const graph = path.join(copy, 'engine', 'shapes', 'weights', 'update.onnx');
  writeFileSync(graph, readFileSync(graph).subarray(0, 9999));
  const run = (...argv: string[]) =>
    launch(process.execPath, [path.join(copy, 'engine', 'cli.ts'), ...argv], { cwd: copy }).ended;
  expectRefusal(await run('train', 'examples/shapes.sage.yaml'), {
    code: 1,
    says: [`error[policy/graph]: ${graph} is not an ONNX graph that this program can run: `, '→ Restore the file'],
  });
  expect(existsSync(path.join(copy, 'runs'))).toBe(false);
  const doctor = await run('doctor', '--json');
  expect(doctor.code).toBe(1);
  expect(JSON.parse(doctor.stdout)).toContainEqual({
    check: 'embedded model',
    state: 'problem',
    detail: 'cannot be loaded',
    remedy: expect.stringContaining(graph),
  });
});

const hostile = {
  emoji: 'a red circle 🔴 moving left',
  newline: 'a red circle\nflying left',
  long: 'a red circle '.repeat(770).slice(0, 10_000),
  html: '<img src=x onerror="alert(1)"><script>alert(2)</script>',
};

describe('prompts that the Shapes model does not know', () => {
  const prompts = Object.values(hostile);
  const sources: Record<string, (folder: string) => unknown> = {
    list: () => prompts,
    '.txt': (folder) => {
      writeFileSync(path.join(folder, 'p.txt'), prompts.map((prompt) => prompt.replace('\n', ' 🟥 ')).join('\n'));
      return { file: 'p.txt' };
    },
    '.csv': (folder) => {
      const rows = prompts.map((prompt) => `"${prompt.replaceAll('"', '""')}"`);
      writeFileSync(path.join(folder, 'p.csv'), ['prompt', ...rows].join('\r\n'));
      return { file: 'p.csv' };
    },
    '.jsonl': (folder) => {
      writeFileSync(path.join(folder, 'p.jsonl'), prompts.map((prompt) => JSON.stringify({ prompt })).join('\n'));
      return { file: 'p.jsonl' };
    },
  };

  test.concurrent.each(Object.keys(sources))('from a %s get one short message each', async (kind) => {
    const folder = temporaryFolder();
    const config = tinyConfig(folder, { prompts: sources[kind](folder) });
    const json = await sage(['validate', config, '--json']);
    expect(json.code).toBe(2);
    const errors = (JSON.parse(json.stdout) as Record<string, unknown>[]).filter(
      ({ severity }) => severity === 'error',
    );
    expect(errors).toHaveLength(prompts.length);
    for (const error of errors) {
      expect(error).toMatchObject({
        code: 'config/shapes-prompt',
        message: expect.stringMatching(/[Tt]he Shapes model does not know the prompt "/) as unknown,
        remedy: expect.stringMatching(/^Did you mean "|^Write "a COLOR SHAPE moving DIRECTION"/) as unknown,
      });
      expect((error.message as string).length).toBeLessThan(250);
    }
    const train = await sage(['train', config, '--runs', path.join(folder, 'runs')]);
    expectRefusal(train, { code: 2, says: ['does not know the prompt'] });
    // A line break of a prompt does not break the message.
    expect(train.stderr.match(/error:/g)).toHaveLength(prompts.length);
    expect(existsSync(path.join(folder, 'runs'))).toBe(false);
  });
});

test('such prompts of another model are shown as text, in the report and by inspect', async () => {
  const folder = temporaryFolder();
  const runs = path.join(folder, 'runs');
  const { config, text } = loadConfig(tinyConfig(folder));
  const prompts = Object.values(hostile);
  const provenance = await collectProvenance({ seed: 7, devices: ['cpu'], versions: {} });
  const { folder: runFolder, id } = await createRun(runs, 'tiny', text, { ...config, prompts }, provenance);
  const events = await openEventLog(path.join(runFolder, 'events.jsonl'));
  events.append({ kind: 'run_started', iteration: 0, runId: id });
  const seedKey = { seed: 7, stream: 1, iteration: 0, prompt: 0, generation: 0 };
  for (const iteration of [0, 4]) {
    const entries = prompts.map((prompt, promptIndex) => ({
      file: `p${promptIndex}.mp4`,
      poster: `p${promptIndex}.png`,
      prompt,
      promptIndex,
      generation: 0,
      seedKey,
      reward: null,
      components: null,
      advantage: null,
      distance: null,
      reason: `no score for ${prompt}`,
    }));
    const videos = `evaluations/00000${iteration}`;
    mkdirSync(path.join(runFolder, videos), { recursive: true });
    for (const { file } of entries) writeFileSync(path.join(runFolder, videos, file), 'not looked at');
    events.append({ kind: 'evaluation_videos', iteration, folder: videos, videos: entries });
    events.append({
      kind: 'warning',
      iteration,
      code: 'train/x',
      message: `no score for ${hostile.html}`,
      remedy: 'none',
    });
  }
  events.close();

  const file = path.join(folder, 'report.html');
  expect(await sage(['report', runFolder, '-o', file])).toMatchObject({ code: 0, stderr: '' });
  const page = readFileSync(file, 'utf8');
  expect(page).not.toContain('<img src=x');
  expect(page).not.toContain('<script>alert');
  expect(page).toContain('&lt;script&gt;alert(2)');
  // The prompts themselves are data of the page, where the same signs are escapes.
  expect(page).toContain('\\u003cscript\\u003ealert(2)');
  expect(page).toContain('a red circle 🔴 moving left');
  const inspected = await sage(['inspect', runFolder, '--json']);
  expect(JSON.parse(inspected.stdout).config.prompts).toEqual(prompts);
});
