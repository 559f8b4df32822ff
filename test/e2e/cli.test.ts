import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { listPresets } from '../../engine/config/presets.ts';
import { beforeAll, describe, expect, test } from 'vitest';
import {
  checkpointFolder,
  eventsOf,
  launch,
  onlyRun,
  program,
  recordOf,
  sage,
  temporaryFolder,
  tinyConfig,
  type Ended,
} from './support.ts';

const root = path.resolve(import.meta.dirname, '../..');
const blocks = {
  training: { iterations: 3, micro_batch: 4 },
  evaluation: { every: 2, videos_per_prompt: 1, max_videos: 6 },
  checkpoints: { every: 2, keep: 9 },
  videos: { every: 2, evaluation: 2 },
};

let folder: string;
let runs: string;
let runFolder: string;
let training: Ended;

beforeAll(async () => {
  folder = temporaryFolder();
  runs = path.join(folder, 'runs');
  training = await sage(['train', tinyConfig(folder, blocks), '--runs', runs]);
  runFolder = onlyRun(runs);
});

describe('train', () => {
  test('prints one plain line an iteration where there is no terminal', () => {
    expect(training).toMatchObject({ code: 0 });
    const lines = training.stdout.trimEnd().split('\n');
    expect(lines[0]).toBe(`run folder: ${runFolder}`);
    const iterations = lines.filter((line) => line.startsWith('iteration '));
    expect(iterations).toHaveLength(3);
    for (const [i, line] of iterations.entries())
      expect(line).toMatch(new RegExp(`^iteration ${i + 1}/3  reward \\d\\.\\d{4}  \\d+\\.\\d s  \\d+ s left$`));
    expect(lines.filter((line) => line.startsWith('evaluation at '))).toHaveLength(3);
    expect(lines.at(-1)).toBe(`finished: ${path.basename(runFolder)}`);
    expect(training.stdout).not.toMatch(/[\x1b\r]/);
  });

  test('shows a bar, the time left and the reward on a terminal', async ({ skip }) => {
    if (spawnSync('script', ['--version']).error) return skip('there is no `script` (util-linux) to give a terminal');
    const place = path.join(temporaryFolder(), 'runs');
    const argv = ['train', tinyConfig(path.dirname(place), blocks), '--runs', place];
    const command = [process.execPath, program, ...argv].map((word) => `'${word}'`).join(' ');
    const { code, stdout } = await launch('script', ['-qec', `stty cols 100 rows 30; ${command}`, '/dev/null']).ended;
    expect(code).toBe(0);
    expect(stdout).toMatch(/\r\x1b\[2K█{8}░{16} 1\/3 {2}reward \d\.\d{4} {2}\d+ s left {2}sampling rollouts/);
    expect(stdout).toMatch(/█{16}░{8} 2\/3 .* updating/);
    expect(stdout).toMatch(/█{24} 3\/3 {2}reward \d\.\d{4}/);
    expect(stdout).toContain('evaluating 6/6');
    expect(stdout).toContain('saving checkpoint');
    expect(stdout).not.toContain('iteration 1/3');
  });

  test('prints JSON lines with --json, and takes --name, --iterations and --set over the config', async () => {
    const place = path.join(temporaryFolder(), 'runs');
    const file = tinyConfig(path.dirname(place), blocks);
    const flags = ['--runs', place, '--name', 'other', '--iterations', '1', '--set', 'exploration.eta=0.4', '--json'];
    const { code, stdout } = await sage(['train', file, ...flags]);
    expect(code).toBe(0);
    const lines = stdout.trimEnd().split('\n');
    const progress = lines.map((line) => JSON.parse(line) as { stage: string });
    expect(progress.filter(({ stage }) => stage === 'iteration')).toMatchObject([{ iteration: 1, iterations: 1 }]);
    const other = onlyRun(place);
    expect(path.basename(other)).toMatch(/^other-\d{8}-\d{6}$/);
    expect(readFileSync(path.join(other, 'config.sage.yaml'), 'utf8')).toBe(readFileSync(file, 'utf8'));

    const compared = await sage(['compare', runFolder, other, '--json']);
    expect(compared.code).toBe(0);
    const { rows, differences } = JSON.parse(compared.stdout);
    expect(rows).toMatchObject([
      { id: path.basename(runFolder), iterations: 3, status: 'finished' },
      { id: path.basename(other), iterations: 1, status: 'finished' },
    ]);
    expect(differences).toEqual([
      { key: 'name', values: ['tiny', 'other'] },
      { key: 'exploration.eta', values: [0.5, 0.4] },
      { key: 'training.iterations', values: [3, 1] },
    ]);
    const text = await sage(['compare', runFolder, other]);
    expect(text.stdout).toContain('exploration.eta');
    expect(text.stdout).toContain(path.basename(other));
  });

  test('says plainly that a model needs Python where there is none for it, and begins nothing', async () => {
    const place = path.join(temporaryFolder(), 'runs');
    const file = path.join(root, 'examples', 'hunyuan-video-1.5.sage.yaml');
    expect(await sage(['validate', file])).toMatchObject({ code: 0 });
    const env = { SAGE_PYTHON: path.join(place, 'python'), PATH: place, HF_HUB_OFFLINE: '1' };
    const { code, stderr } = await sage(['train', file, '--runs', place], { env });
    expect(code).toBe(1);
    expect(stderr).toContain(
      'error[worker/python]: SAGE_PYTHON (in VS Code: the setting sage.pythonPath) names ' +
        `${env.SAGE_PYTHON}: there is no such program.`,
    );
    expect(stderr).toContain('Correct it, or leave it empty');
    expect(stderr).not.toContain('ENOENT');
    expect(existsSync(place)).toBe(false);
    const doctor = await sage(['doctor', file, '--runs', place, '--json'], { env });
    expect(JSON.parse(doctor.stdout)).toContainEqual({
      check: 'Python',
      state: 'problem',
      detail: expect.stringMatching(/^SAGE_PYTHON .* names .*: there is no such program$/),
      remedy: expect.stringContaining('leave it empty'),
    });
  });
});

describe('inspect and list', () => {
  test('inspect --json has status, iterations, config, evaluations and checkpoints', async () => {
    const { code, stdout } = await sage(['inspect', 'tiny', '--runs', runs, '--json']);
    expect(code).toBe(0);
    const summary = JSON.parse(stdout);
    const evaluations = eventsOf(runFolder).filter(({ kind }) => kind === 'evaluation');
    const shown = ({ iteration, reward, components, distance }: Record<string, unknown>) => ({
      iteration,
      reward,
      components,
      distance,
    });
    const best = evaluations.reduce((a, b) => ((b.reward as number) > (a.reward as number) ? b : a));
    expect(summary).toMatchObject({
      id: path.basename(runFolder),
      status: 'finished',
      pid: null,
      iterations: 3,
      iterationsPlanned: 3,
      config: { name: 'tiny', exploration: { eta: 0.5, sigma_max: 0.997 }, training: { beta2: 0.999 } },
      evaluation: { first: shown(evaluations[0]), last: shown(evaluations.at(-1)!), best: shown(best) },
    });
    expect(summary.evaluation.first.iteration).toBe(0);
    expect(summary.evaluation.last.iteration).toBe(3);
    expect(Object.keys(summary.evaluation.first.components)).toEqual(['VQ', 'MQ', 'TA']);
    expect(summary.health).toEqual([]);
    expect(summary.checkpoints).toMatchObject([0, 2, 3].map((iteration) => ({ iteration, valid: true, reason: null })));
  });

  test('inspect and list for a person', async () => {
    const inspected = await sage(['inspect', runFolder]);
    for (const text of ['finished', 'iterations  3 of 3', 'manifold distance', 'checkpoint'])
      expect(inspected.stdout).toContain(text);
    const listed = await sage(['list', '--runs', runs]);
    expect(listed.stdout).toMatch(new RegExp(`^${path.basename(runFolder)} +finished +3/3 `, 'm'));
    const rows = JSON.parse((await sage(['list', '--runs', runs, '--json'])).stdout);
    expect(rows).toMatchObject([{ id: path.basename(runFolder), status: 'finished', iterations: 3, broken: null }]);
    const none = await sage(['list', '--runs', path.join(folder, 'none')]);
    expect(none).toMatchObject({ code: 0, stderr: '' });
    expect(none.stdout).toContain('sage-grpo init shapes');
  });

  test('a run that is not there is bad usage, with the name that was meant', async () => {
    const { code, stderr } = await sage(['inspect', 'tinny', '--runs', runs]);
    expect(code).toBe(2);
    expect(stderr).toContain('error[run/unknown]: There is no run "tinny".');
    expect(stderr).toContain('→ Did you mean "tiny"?');
  });
});

describe('eval', () => {
  test("gives the numbers of the run's last evaluation, and of a checkpoint its own", async () => {
    const fields = ['iteration', 'reward', 'rewardStd', 'components', 'distance', 'videos', 'unscored'];
    const pick = (value: Record<string, unknown>) => Object.fromEntries(fields.map((field) => [field, value[field]]));
    const [, atTwo, last] = eventsOf(runFolder).filter(({ kind }) => kind === 'evaluation');
    const ofRun = await sage(['eval', 'tiny', '--runs', runs, '--json']);
    expect(pick(JSON.parse(ofRun.stdout))).toEqual(pick(last));
    const ofCheckpoint = await sage(['eval', checkpointFolder(runFolder, 2), '--json']);
    expect(pick(JSON.parse(ofCheckpoint.stdout))).toEqual(pick(atTwo));
    expect(atTwo.reward).not.toBe(last.reward);
  });

  test('refuses a folder that is no checkpoint', async () => {
    const { code, stderr } = await sage(['eval', checkpointFolder(runFolder, 1)]);
    expect(code).toBe(1);
    expect(stderr).toContain('error[checkpoint/broken]');
    expect(stderr).toContain('manifest.json is missing');
  });
});

test('report writes one file that needs no other', async () => {
  const file = path.join(temporaryFolder(), 'out.html');
  const { code, stdout } = await sage(['report', 'tiny', '--runs', runs, '-o', file]);
  expect(code).toBe(0);
  expect(stdout).toContain(`wrote ${file} (`);
  const page = readFileSync(file, 'utf8');
  expect(page).toMatch(/^<!doctype html>[^]*<\/html>\s*$/);
  expect(page).not.toMatch(/(src|href)="(?!data:|#)/);
  expect(page).toContain('data:video/mp4;base64,');
  const refused = await sage(['report', 'tiny', '--runs', runs, '-o', path.join(file, 'in.html')]);
  expect(refused.code).toBe(1);
  expect(refused.stderr).toContain('error[file/not-a-folder]: Could not write the report');
});

describe('kernels', () => {
  interface Case {
    kernel: string;
    steps: number;
    shift: number;
    eta: number;
    sigma_max: number;
    sigmas: number[];
    rows: { std: number; output_gradient_norm: number | null }[];
  }
  const { cases } = JSON.parse(readFileSync(path.join(root, 'test/vectors/kernels.json'), 'utf8')) as { cases: Case[] };
  const flags = (c: { kernel: string; steps: number; shift: number; eta: number }) =>
    ['kernel', 'steps', 'shift', 'eta'].flatMap((name) => [`--${name}`, String(c[name as keyof typeof c])]);

  test.concurrent.each(cases)('--json of $kernel meets the reference vectors', async (c) => {
    const { code, stdout } = await sage(['kernels', ...flags(c), '--sigma-max', String(c.sigma_max), '--json']);
    expect(code).toBe(0);
    const { sigmas, steps, ...rest } = JSON.parse(stdout);
    expect(rest).toEqual({});
    const near = (actual: number, wanted: number) =>
      expect(Math.abs(actual - wanted)).toBeLessThanOrEqual(1e-12 * Math.abs(wanted));
    expect(sigmas).toHaveLength(c.steps + 1);
    c.sigmas.forEach((sigma, k) => near(sigmas[k], sigma));
    expect(steps).toHaveLength(c.steps);
    c.rows.forEach((row, k) => {
      expect(Object.keys(steps[k])).toEqual(['a', 'b', 's', 'outputGradientNorm', 'equalizer', 'excessEnergy']);
      near(steps[k].s, row.std);
      if (row.output_gradient_norm === null) expect(steps[k].outputGradientNorm).toBeNull();
      else near(steps[k].outputGradientNorm, row.output_gradient_norm);
    });
  });

  test('prints a table for a person, with the last step as training has it on request', async () => {
    const options = flags({ kernel: 'sage', steps: 4, shift: 3, eta: 0.5 });
    const noisy = (await sage(['kernels', ...options])).stdout.trimEnd().split('\n');
    const trained = (await sage(['kernels', ...options, '--last-step', 'ode'])).stdout.trimEnd().split('\n');
    expect(noisy).toHaveLength(5);
    expect(noisy.at(-1)).not.toContain('—');
    expect(trained.at(-1)).toContain('—');
    expect(trained.slice(1, 2)).not.toEqual([]);
  });

  test.each([
    [{ kernel: 'sage', steps: 68, shift: 5, eta: 0.5 }, '--steps 67.'],
    [{ kernel: 'sag', steps: 8, shift: 5, eta: 0.5 }, '--kernel sage.'],
    [{ kernel: 'sage', steps: 8, shift: -1, eta: 0.5 }, '--shift '],
    [{ kernel: 'sage', steps: 8.5, shift: 5, eta: 0.5 }, '--steps 9.'],
  ])('refuse %o and name the nearest valid value', async (options, nearest) => {
    const { code, stderr, stdout } = await sage(['kernels', ...flags(options)]);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(/^error\[kernels\//);
    expect(stderr).toContain(`→ Try ${nearest}`);
  });
});

describe('validate', () => {
  test('--json prints severity, code, message, path, line and column of everything that is wrong', async () => {
    const file = path.join(temporaryFolder(), 'bad.sage.yaml');
    writeFileSync(file, 'seed: 7\nexploration:\n  kernel: sage\n  etaa: 0.5\ntraining:\n  iterations: none\n');
    const { code, stdout } = await sage(['validate', file, '--json']);
    expect(code).toBe(2);
    const errors = (JSON.parse(stdout) as Record<string, unknown>[]).filter(({ severity }) => severity === 'error');
    expect(errors).toMatchObject([
      { path: 'exploration.etaa', line: 4, column: 3, remedy: expect.stringContaining('eta') as string },
      { path: 'training.iterations', line: 6, column: 15 },
    ]);
    for (const error of errors)
      expect(error).toMatchObject({
        code: expect.stringMatching(/^config\//) as string,
        message: expect.any(String) as string,
      });
    const text = await sage(['validate', file]);
    expect(text.code).toBe(2);
    expect(text.stdout).toContain(`${file}:4:3: error: `);
  });

  test('every preset is valid', async () => {
    for (const { file } of listPresets()) {
      const { code, stdout } = await sage(['validate', file]);
      expect(code, stdout).toBe(0);
      expect(stdout).toContain(`${file} is valid.`);
    }
  });
});

describe('init', () => {
  test('writes a preset, does not replace a file unless told to, and lists the presets', async () => {
    const cwd = temporaryFolder();
    const file = path.join(cwd, 'shapes.sage.yaml');
    const preset = readFileSync(path.join(root, 'examples', 'shapes.sage.yaml'), 'utf8');
    const written = await sage(['init', 'shapes'], { cwd });
    expect(written).toMatchObject({ code: 0, stderr: '' });
    expect(written.stdout).toContain('sage-grpo train shapes.sage.yaml');
    expect(readFileSync(file, 'utf8')).toBe(preset);

    writeFileSync(file, 'mine');
    const refused = await sage(['init', 'shapes'], { cwd });
    expect(refused.code).toBe(2);
    expect(refused.stderr).toBe(
      'error[init/exists]: shapes.sage.yaml exists already.\n  at shapes.sage.yaml\n' +
        '  → Choose another file with -o, or replace it with --force.\n',
    );
    expect(readFileSync(file, 'utf8')).toBe('mine');
    expect(await sage(['init', 'shapes', '--force'], { cwd })).toMatchObject({ code: 0 });
    expect(readFileSync(file, 'utf8')).toBe(preset);

    const listed = await sage(['init'], { cwd });
    expect(listed.stdout).toMatch(/^shapes-compare /m);
  });

  test('asks whether a preset was meant that is spelled alike', async () => {
    const cwd = temporaryFolder();
    const { code, stderr } = await sage(['init', 'shaps'], { cwd });
    expect(code).toBe(2);
    expect(stderr).toContain('error[config/unknown-preset]: There is no preset');
    expect(stderr).toContain('→ Did you mean shapes?');
    expect(existsSync(path.join(cwd, 'shaps.sage.yaml'))).toBe(false);
  });
});

test('doctor checks what training needs', async () => {
  const { code, stdout } = await sage(['doctor', '--json', '--runs', path.join(folder, 'new', 'runs')]);
  expect(code).toBe(0);
  const findings = JSON.parse(stdout) as { check: string; state: string; detail: string }[];
  const checks = findings.map(({ check }) => check);
  expect(checks.slice(0, 5)).toEqual(['Node', 'machine', 'embedded model', 'runs folder', 'Python']);
  expect(findings.find(({ check }) => check === 'embedded model')).toMatchObject({ state: 'ok' });
  const file = path.join(temporaryFolder(), 'file');
  writeFileSync(file, '');
  const blocked = await sage(['doctor', '--json', '--runs', file]);
  expect(blocked.code).toBe(1);
  expect(JSON.parse(blocked.stdout)).toContainEqual({
    check: 'runs folder',
    state: 'problem',
    detail: `${file} is a file, not a folder`,
    remedy: 'Choose another folder with --runs, or make this one writable for you.',
  });
});

describe('bad usage is exit code 2 and says what is wrong', () => {
  const config = () => tinyConfig(temporaryFolder(), blocks);
  test.concurrent.each<[string, () => string[], string | RegExp]>([
    ['an unknown command', () => ['trian', 'x'], /unknown command 'trian'[^]*Did you mean train\?/],
    ['an unknown option', () => ['list', '--run', 'x'], /unknown option '--run'[^]*Did you mean --runs\?/],
    ['a missing argument', () => ['train'], "missing required argument 'config'"],
    ['an argument too many', () => ['list', 'x'], 'too many arguments'],
    ['a number that is none', () => ['train', config(), '--iterations', 'many'], 'It is not a number.'],
    ['no iterations', () => ['train', config(), '--iterations', '0'], 'training.iterations'],
    ['a name that cannot name a run', () => ['train', config(), '--name', '../x'], 'name'],
    ['--set without a value', () => ['train', config(), '--set', 'exploration.eta'], '--set'],
    ['--set of an unknown key', () => ['train', config(), '--set', 'exploration.etaa=1'], /etaa[^]*eta/],
    ['--set of a wrong value', () => ['train', config(), '--set', 'exploration.eta=much'], 'exploration.eta'],
    ['an unknown run', () => ['resume', 'nothing', '--runs', temporaryFolder()], 'There is no run "nothing".'],
  ])('%s', async (_, argv, says) => {
    const place = temporaryFolder();
    const { code, stdout, stderr } = await sage(argv(), { cwd: place });
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    if (typeof says === 'string') expect(stderr).toContain(says);
    else expect(stderr).toMatch(says);
    expect(existsSync(path.join(place, 'runs'))).toBe(false);
  });

  test('while help and version are asked for and exit 0', async () => {
    const help = await sage(['--help']);
    expect(help).toMatchObject({ code: 0, stderr: '' });
    for (const command of ['train', 'resume', 'pause', 'continue', 'checkpoint', 'stop', 'list', 'inspect', 'validate'])
      expect(help.stdout).toMatch(new RegExp(`^  ${command} `, 'm'));
    for (const command of ['init', 'kernels', 'eval', 'compare', 'report', 'doctor', 'setup-torch', 'export'])
      expect(help.stdout).toMatch(new RegExp(`^  ${command} `, 'm'));
    const { version } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')) as { version: string };
    expect(await sage(['--version'])).toMatchObject({ code: 0, stdout: `${version}\n` });
  });
});

test('two runs begun in the same second are two folders', async () => {
  const place = path.join(temporaryFolder(), 'runs');
  mkdirSync(place);
  const flags = ['--runs', place, '--iterations', '1', '--set', 'videos.every=0', '--set', 'evaluation.max_videos=1'];
  const file = tinyConfig(path.dirname(place), blocks);
  const ends = await Promise.all([1, 2].map(() => sage(['train', file, ...flags])));
  expect(ends.map(({ code }) => code)).toEqual([0, 0]);
  const folders = ends.map(({ stdout }) => /run folder: (.*)/.exec(stdout)![1]);
  expect(new Set(folders).size).toBe(2);
  for (const each of folders) expect(recordOf(each)).toMatchObject({ status: 'finished', id: path.basename(each) });
});

describe('estimate', () => {
  const preset = (name: string) => path.join(root, 'examples', `${name}.sage.yaml`);

  test('says what a config takes on a device, and that it is an estimate', async () => {
    const flags = ['--device', 'H200', '--set', 'sampling.frames=41'];
    const { code, stdout } = await sage(['estimate', preset('hunyuan-video-1.5-lora'), ...flags]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^HunyuanVideo-1\.5 on NVIDIA H200\. An estimate, not a measurement\.\n/);
    for (const line of [
      /^ {2}peak +\d+ GiB {2}fits into the 140 GiB/m,
      /^ {2}the run +\d/m,
      /^ {2}tokens of a video +9,438 /m,
    ])
      expect(stdout).toMatch(line);
    expect(stdout).toContain('Assumed\n  - ');
  });

  test('of a config with errors is what is wrong with it; a device that is none is refused with those there are', async () => {
    const typo = await sage(['estimate', preset('shapes'), '--set', 'exploration.etaa=1']);
    expect(typo).toMatchObject({ code: 2, stdout: '' });
    expect(typo.stderr).toMatch(/etaa[^]*eta/);
    const device = await sage(['estimate', preset('shapes'), '--device', 'a100']);
    expect(device).toMatchObject({ code: 2, stdout: '' });
    expect(device.stderr).toMatch(/no device "a100"[^]*→ The devices are cpu, .*a100-80gb/);
  });
});
