import { spawnSync } from 'node:child_process';
import { appendFileSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import {
  eventsOf,
  expectSameRun,
  onlyRun,
  recordOf,
  sage,
  start,
  startTiny,
  sumsOf,
  temporaryFolder,
  tinyConfig,
  trained,
  trainedTiny,
  until,
  weightsOf,
} from '../e2e/support.ts';
import { childrenOf, isAlive } from './processes.ts';
import { needsTorch, relative } from './torch.ts';

const two = {
  training: { iterations: 2, micro_batch: 2, learning_rate: 1e-3 },
  evaluation: { every: 1, videos_per_prompt: 1, max_videos: 3 },
  checkpoints: { every: 1, keep: 3 },
  trust_region: { anchor: { mode: 'moving', interval: 5 } },
};
const onTorch = { policy: { model: 'shapes', backend: 'torch' } };
const onOnnx = { policy: { model: 'shapes', threads: 1 } };
const measuredAnew = /^(time|seconds|peakMemory|runId)$/;
/** Differences of log-probabilities that single precision rounds; test/worker/torch-parity.test.ts holds them closer. */
const rounded = /^(ratioDeviation|approxKl|klStep|firstReplayRatioDeviation)$/;

let reference = '';

describe('a run of Shapes under torch', () => {
  needsTorch();
  beforeAll(async () => {
    reference = await trainedTiny({ ...two, ...onTorch });
  });

  test('has the numbers of the embedded engine: rewards, losses, gradients, KLs and drift, and the same history', async () => {
    const embedded = await trainedTiny({ ...two, ...onOnnx });
    const [expected, actual] = [eventsOf(embedded), eventsOf(reference)];
    expect(actual.map(({ kind }) => kind)).toEqual(expected.map(({ kind }) => kind));
    expect(differences(expected, actual)).toEqual([]);
    expect(actual.filter(({ kind }) => kind === 'iteration')).toMatchObject(
      Array(2).fill({ firstReplayRatioDeviation: 0 }),
    );
    expect(sumsOf(path.join(reference, 'rollouts'))).toHaveProperty(['000001/p00-g0.mp4']);
    // The files are the embedded engine's own, so either can go on with the other's checkpoint.
    expect(Object.keys(weightsOf(embedded, 2))).toEqual(
      Object.keys(weightsOf(reference, 2)).filter((name) => name !== 'rng.safetensors'),
    );
  });

  test('learns the same where replays of several steps share passes, and still says the gradient norm of every step', async () => {
    const once = (measure_gradient: string) => ({
      ...two,
      training: { ...two.training, accumulation: 6, measure_gradient },
    });
    const [apart, shared, embedded] = await Promise.all([
      trainedTiny({ ...once('all'), ...onTorch }),
      trainedTiny({ ...once('first'), ...onTorch }),
      trainedTiny({ ...once('first'), ...onOnnx }),
    ]);
    expect(differences(eventsOf(embedded), eventsOf(shared))).toEqual([]);
    const apartFrom = differences(eventsOf(apart), eventsOf(shared));
    // Norms of one micro-batch in place of the mean over two.
    expect(apartFrom.filter((difference) => !/\.steps\.\d\.gradientNorm(Raw)?:/.test(difference))).toEqual([]);
    expect(apartFrom).not.toEqual([]);
    const iterations = eventsOf(shared).filter(({ kind }) => kind === 'iteration');
    expect(iterations.map(({ firstReplayRatioDeviation }) => firstReplayRatioDeviation)).toEqual([0, 0]);
    for (const { steps } of iterations as unknown as { steps: { gradientNorm: number }[] }[])
      for (const { gradientNorm } of steps) expect(gradientNorm).toBeGreaterThan(0);
  });

  test('says in its record what computed it', () => {
    const { provenance } = JSON.parse(readFileSync(path.join(reference, 'run.json'), 'utf8')) as {
      provenance: { devices: string[]; versions: Record<string, string> };
    };
    expect(provenance.devices[0]).toMatch(/^CPU \(/);
    expect(provenance.versions).toMatchObject({ torch: expect.any(String), python: expect.any(String) });
  });

  test.each(['rollout', 'update'] as const)(
    'whose worker is killed in the midst of a %s says so, and resumed it equals an uninterrupted one to the bit',
    async (stage) => {
      const { trainer, runs } = startTiny({ ...two, ...onTorch }, ['--json']);
      await trainer.prints(new RegExp(`"stage":"${stage}","iteration":2`));
      const [worker] = childrenOf(trainer.pid);
      process.kill(worker, 'SIGKILL');
      const { code, stderr } = await trainer.ended;
      expect(code).toBe(1);
      expect(stderr).toContain('error[worker/killed]: The worker ended (signal SIGKILL) while it');
      const runFolder = onlyRun(runs);
      expect(recordOf(runFolder)).toMatchObject({ status: 'failed', message: expect.stringMatching(/signal SIGKILL/) });
      expect(eventsOf(runFolder).at(-1)).toMatchObject({ kind: 'run_finished', status: 'failed' });

      expect(await sage(['resume', runFolder])).toMatchObject({ code: 0 });
      expectSameRun(runFolder, reference);
    },
  );

  test('whose trainer is killed leaves no worker behind, and resumed it equals an uninterrupted one to the bit', async () => {
    const { trainer, runs } = startTiny({ ...two, ...onTorch }, ['--json']);
    await trainer.prints(/"stage":"update","iteration":1/);
    const [worker] = childrenOf(trainer.pid);
    trainer.child.kill('SIGKILL');
    await trainer.ended;
    await until(() => !isAlive(worker), 20);
    const runFolder = onlyRun(runs);
    expect(await sage(['resume', runFolder])).toMatchObject({ code: 0 });
    expectSameRun(runFolder, reference);
  });

  test('whose worker cannot start shows its last words and what to do, and begins nothing', async () => {
    const folder = temporaryFolder();
    const runs = path.join(folder, 'runs');
    // A file of this name is found before the package's own: an installation in which something is broken.
    const broken = path.join(folder, 'safetensors');
    spawnSync('mkdir', [broken]);
    appendFileSync(path.join(broken, '__init__.py'), 'raise ImportError("this safetensors is broken")\n');
    const { code, stderr } = await sage(['train', tinyConfig(folder, { ...two, ...onTorch }), '--runs', runs], {
      env: { PYTHONPATH: folder },
    });
    expect(code).toBe(1);
    expect(stderr).toMatch(/error\[worker\/import\]: The worker ended \(exit code 1\) while it started/);
    expect(stderr).toContain('ImportError: this safetensors is broken');
    expect(stderr).toContain('sage-grpo setup-torch');
    expect(readdirSync(folder)).not.toContain('runs');
  });

  test("is refused where the weights name what a reward of one's own does not give, before there is a run", async () => {
    const folder = temporaryFolder();
    writeFileSync(path.join(folder, 'mine.py'), 'def score(video):\n    return {"light": 1.0, "motion": 0.5}\n');
    const config = tinyConfig(folder, { ...two, ...onTorch, reward: { model: null, python: 'mine.py:score' } });
    const { code, stderr } = await sage(['train', config, '--runs', path.join(folder, 'runs')]);
    expect(code).toBe(2);
    expect(stderr).toContain(
      `reward.weights has a weight for python, which ${path.join(folder, 'mine.py')}:score does not give; it gives light, motion.`,
    );
    expect(stderr).toContain('reward: { weights: { light: 1, motion: 1 } }');
    expect(readdirSync(folder)).not.toContain('runs');
  });

  test('is refused where there is no Python with torch, with what was tried', async () => {
    const folder = temporaryFolder();
    const empty = path.join(folder, 'empty');
    spawnSync('python3', ['-m', 'venv', '--without-pip', empty]);
    const { code, stderr } = await sage(
      ['train', tinyConfig(folder, { ...two, ...onTorch }), '--runs', path.join(folder, 'runs')],
      { env: { SAGE_PYTHON: path.join(empty, 'bin', 'python'), PATH: path.join(empty, 'bin') } },
    );
    expect(code).toBe(1);
    expect(stderr).toMatch(/error\[worker\/python\]: No Python with torch was found \(.*torch/);
    expect(stderr).toContain('sage-grpo setup-torch');
  });

  test('shares out its samples among processes and keeps its numbers; a rank that is killed is named', async () => {
    const shared = {
      ...two,
      policy: { ...onTorch.policy, devices: 2 },
      training: { ...two.training, micro_batch: 1 },
    };
    const together = await trainedTiny(shared);
    expect(differences(eventsOf(reference), eventsOf(together))).toEqual([]);

    const { trainer } = startTiny(shared, ['--json']);
    await trainer.prints(/"stage":"rollout","iteration":2/);
    const [torchrun] = childrenOf(trainer.pid);
    const ranks = childrenOf(torchrun);
    expect(ranks).toHaveLength(2);
    process.kill(ranks[1], 'SIGKILL');
    const { code, stderr } = await trainer.ended;
    expect(code).toBe(1);
    expect(stderr).toContain('error[worker/killed]: Rank 1 was killed. The worker ended (exit code 1) while it');
    for (const pid of [torchrun, ...ranks]) await until(() => !isAlive(pid), 20);
  });
});

describe('a run of Shapes under torch that is resumed on another number of processes', () => {
  needsTorch();

  test('goes from 1 to 2 and back and has the numbers of one that stayed on 1', async () => {
    const [folder, other] = [temporaryFolder(), temporaryFolder()];
    const lasting = (iterations: number) => ({ ...two, ...onTorch, training: { ...two.training, iterations } });
    const alone = await trained(tinyConfig(folder, lasting(3)), path.join(folder, 'runs'));
    const runFolder = await trained(tinyConfig(other, lasting(1)), path.join(other, 'runs'));
    const refused = await sage(['resume', runFolder, '--iterations', '2', '--set', 'policy.devices=2']);
    expect(refused).toMatchObject({ code: 2, stderr: expect.stringContaining('Set training.micro_batch to 1') });
    for (const [iterations, devices, size] of [
      [2, 2, 1],
      [3, 1, 2],
    ]) {
      const sets = [`policy.devices=${devices}`, `training.micro_batch=${size}`].flatMap((each) => ['--set', each]);
      const resumed = start(['resume', runFolder, '--iterations', String(iterations), ...sets, '--json']);
      await resumed.prints(/"stage":"rollout"/);
      // Python itself, or torchrun with a Python a process.
      expect(childrenOf(childrenOf(resumed.pid)[0])).toHaveLength(devices === 1 ? 0 : devices);
      expect(await resumed.ended).toMatchObject({ code: 0 });
    }
    const measured = (run: string) => eventsOf(run).filter(({ kind }) => kind === 'iteration' || kind === 'evaluation');
    const counted = (run: string) => measured(run).map(({ seq: _, ...event }) => event);
    expect(differences(counted(alone), counted(runFolder))).toEqual([]);
    const changes = eventsOf(runFolder).flatMap((event) => (event.kind === 'run_resumed' ? [event.changes] : []));
    expect(changes).toMatchObject([
      [{ path: 'policy.devices', from: 1, to: 2 }, { path: 'training.iterations' }, { path: 'training.micro_batch' }],
      [{ path: 'policy.devices', from: 2, to: 1 }, { path: 'training.iterations' }, { path: 'training.micro_batch' }],
    ]);
  });
});

/** Where two values differ by more than 1e-4 of the larger, or of the terms that a number is the sum of. */
function differences(expected: unknown, actual: unknown, at = ''): string[] {
  const key = at.split('.').at(-1)!;
  if (measuredAnew.test(key)) return [];
  if (typeof expected === 'number' && typeof actual === 'number') {
    // A loss is a sum of advantages that cancel; its terms are about 1. Components of the reward are shares of 1.
    const small = rounded.test(key) ? 1e-6 : /^(loss|VQ|MQ|TA|advantage)$/.test(key) ? 1e-4 : 0;
    const near = Math.abs(expected - actual) <= small || relative(expected, actual) < 1e-4;
    return near ? [] : [`${at}: ${expected} and ${actual}`];
  }
  if (typeof expected !== 'object' || expected === null || actual === null || typeof actual !== 'object')
    return expected === actual ? [] : [`${at}: ${String(expected)} and ${String(actual)}`];
  const keys = new Set([...Object.keys(expected), ...Object.keys(actual)]);
  return [...keys].flatMap((name) =>
    differences(
      (expected as Record<string, unknown>)[name],
      (actual as Record<string, unknown>)[name],
      `${at}.${name}`,
    ),
  );
}
