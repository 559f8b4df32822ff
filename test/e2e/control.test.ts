import { createHash } from 'node:crypto';
import { cpSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { takeLock } from '../../engine/run/lock.ts';
import {
  checkpointFolder,
  checkpointsOf,
  eventsOf,
  historyOf,
  launch,
  onlyRun,
  recordOf,
  sage,
  start,
  temporaryFolder,
  tinyConfig,
  trainedTiny,
  until,
  weightsOf,
  type Running,
} from './support.ts';

/** Iterations long enough to be interrupted in their middle. */
const slow = {
  sampling: { steps: 6 },
  rollout: { prompts_per_iteration: 2, generations: 4 },
  training: { iterations: 3, micro_batch: 2 },
  evaluation: { every: 0, videos_per_prompt: 1, max_videos: 4 },
  checkpoints: { every: 0, keep: 9 },
  videos: { every: 0 },
};

let uninterrupted: string;

beforeAll(async () => {
  uninterrupted = await trainedTiny(slow);
});

/** Starts training and waits until it is in the middle of an iteration. */
async function startedAt(iteration: number, how = start, options: { group?: boolean } = {}) {
  const folder = temporaryFolder();
  const runs = path.join(folder, 'runs');
  const trainer = how(['train', tinyConfig(folder, slow), '--runs', runs, '--json'], options);
  await trainer.prints(`{"stage":"update","iteration":${iteration}}`);
  return { trainer, runs, runFolder: onlyRun(runs) };
}

/** An extra checkpoint is what an interruption leaves in the log. */
function expectSameEnd(runFolder: string): void {
  expect(weightsOf(runFolder, 3)).toEqual(weightsOf(uninterrupted, 3));
  expect(historyOf(runFolder, ['checkpoint'])).toEqual(historyOf(uninterrupted, ['checkpoint']));
}

const root = path.resolve(import.meta.dirname, '../..');

/** Why the program that npx starts cannot be run here without it installing packages. */
function npxMissing(): string | null {
  const stamp = path.join(root, 'node_modules', '.bootstrap-stamp');
  const wanted = createHash('sha256')
    .update(readFileSync(path.join(root, 'package-lock.json')))
    .digest('hex');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return null;
  return 'needs node_modules as the bootstrap installs it (npm test does)';
}

const npx: typeof start = (argv, options) =>
  launch(process.execPath, [path.join(root, 'bin', 'sage-grpo.mjs'), ...argv], options);

describe('Ctrl-C', () => {
  test('once: the iteration is finished, a checkpoint saved, exit code 130, and a resume ends as if nothing was', async () => {
    const { trainer, runFolder } = await startedAt(2);
    trainer.child.kill('SIGINT');
    const ended = await trainer.ended;
    expect(ended.stderr).toContain(
      'stopping after this iteration, with a checkpoint; press Ctrl-C again to kill at once',
    );
    const name = path.basename(runFolder);
    expect(ended.stderr).toContain(`stopped: ${name}; continue with \`sage-grpo resume ${name}\``);
    expect(ended.code).toBe(130);
    expect(recordOf(runFolder)).toMatchObject({ status: 'stopped', message: null });
    expect(checkpointsOf(runFolder)).toEqual([0, 2]);
    expect(existsSync(path.join(runFolder, 'lock'))).toBe(false);
    expect(existsSync(path.join(runFolder, 'control.json'))).toBe(false);
    expect(eventsOf(runFolder).at(-1)).toMatchObject({ kind: 'run_finished', status: 'stopped', iteration: 2 });

    const resumed = await sage(['resume', name, '--runs', path.dirname(runFolder)]);
    expect(resumed).toMatchObject({ code: 0, stderr: '' });
    expect(resumed.stdout).toContain('resumed after iteration 2');
    expectSameEnd(runFolder);
  });

  test('twice: killed at once, exit code 130, seen as crashed, and a resume ends as if nothing was', async () => {
    const { trainer, runFolder } = await startedAt(2);
    trainer.child.kill('SIGINT');
    await trainer.prints('press Ctrl-C again');
    trainer.child.kill('SIGINT');
    const ended = await trainer.ended;
    expect(ended.code).toBe(130);
    expect(ended.text).not.toContain('stopped:');
    expect(checkpointsOf(runFolder)).toEqual([0]);
    const inspected = await sage(['inspect', runFolder, '--json']);
    expect(JSON.parse(inspected.stdout)).toMatchObject({ status: 'crashed', pid: null, iterations: 1 });

    expect(await sage(['resume', runFolder])).toMatchObject({ code: 0, stderr: '' });
    expectSameEnd(runFolder);
  });

  test('in a terminal reaches the trainer through npx, and its exit code comes back', async ({ skip }) => {
    const reason = npxMissing();
    if (reason) skip(reason);
    if (process.platform === 'win32') skip('Windows has no process groups');
    const { trainer, runFolder } = await startedAt(1, npx, { group: true });
    process.kill(-trainer.pid, 'SIGINT');
    expect(await trainer.ended).toMatchObject({ code: 130 });
    expect(recordOf(runFolder)).toMatchObject({ status: 'stopped' });
    expect(checkpointsOf(runFolder)).toEqual([0, 1]);
  });

  test('and TERM to the program that npx starts is passed on to the trainer', async ({ skip }) => {
    const reason = npxMissing();
    if (reason) skip(reason);
    if (process.platform === 'win32') skip('Windows has no TERM');
    const { trainer, runFolder } = await startedAt(1, npx);
    trainer.child.kill('SIGTERM');
    expect(await trainer.ended).toMatchObject({ code: 130 });
    expect(recordOf(runFolder)).toMatchObject({ status: 'stopped' });
  });
});

describe('requests from another process', () => {
  let trainer: Running;
  let runs: string;
  let runFolder: string;
  const request = (name: string) => sage([name, 'tiny', '--runs', runs]);
  /** Asks the trainer, which is held until the request waits at its socket: it comes in the middle of this iteration. */
  const requestNow = async (name: string) => {
    trainer.child.kill('SIGSTOP');
    const asked = request(name);
    let ended = false;
    void asked.then(() => (ended = true));
    await until(() => ended || isAsked(runFolder));
    trainer.child.kill('SIGCONT');
    return asked;
  };
  const inspected = async () => JSON.parse((await sage(['inspect', runFolder, '--json'])).stdout);

  beforeAll(async () => {
    ({ trainer, runs, runFolder } = await startedAt(1));
  });

  test('pause lets the trainer rest after its iteration', async () => {
    const { code, stdout } = await requestNow('pause');
    expect({ code, stdout }).toEqual({ code: 0, stdout: 'tiny will pause after this iteration (iteration 0 done)\n' });
    await trainer.prints('paused after iteration 1');
    await until(() => recordOf(runFolder).status === 'paused');
    expect(await inspected()).toMatchObject({ status: 'paused', pid: trainer.pid, iterations: 1 });
  });

  test('checkpoint saves one, also while the trainer rests', async () => {
    expect(await request('checkpoint')).toMatchObject({ code: 0, stderr: '' });
    await until(() => eventsOf(runFolder).some(({ kind, iteration }) => kind === 'checkpoint' && iteration === 1));
    expect((await inspected()).checkpoints).toMatchObject([
      { iteration: 0, valid: true },
      { iteration: 1, valid: true },
    ]);
  });

  test('continue lets it go on, stop ends it with a checkpoint, and all of them are in the log', async () => {
    expect(await request('continue')).toMatchObject({ code: 0 });
    await trainer.prints('{"stage":"update","iteration":2}');
    expect(recordOf(runFolder).status).toBe('running');
    const { stdout } = await requestNow('stop');
    expect(stdout).toBe('tiny will save a checkpoint and stop after this iteration (iteration 1 done)\n');
    // It was asked to, so it is done and not interrupted.
    expect(await trainer.ended).toMatchObject({ code: 0 });
    expect(recordOf(runFolder).status).toBe('stopped');
    expect(checkpointsOf(runFolder)).toEqual([0, 1, 2]);
    const controls = eventsOf(runFolder).filter(({ kind }) => kind === 'control');
    expect(controls).toMatchObject(
      ['pause', 'checkpoint', 'continue', 'stop'].map((name) => ({ request: name, by: 'command line' })),
    );
  });

  test('find nobody then, which is said with what to do', async () => {
    const { code, stderr } = await request('pause');
    expect(code).toBe(1);
    expect(stderr).toBe(
      `error[run/no-trainer]: No trainer runs ${runFolder}.\n  at ${runFolder}\n` +
        '  → Start it again, or look at what it has done.\n' +
        `    sage-grpo resume ${runFolder}\n    sage-grpo inspect ${runFolder}\n`,
    );
  });

  test('leave no trace in what is trained', async () => {
    expect(await sage(['resume', runFolder])).toMatchObject({ code: 0 });
    expectSameEnd(runFolder);
  });
});

describe('one trainer a run', () => {
  test('a second is refused with the pid of the first, and changes nothing', async () => {
    const runFolder = copyWithout(3);
    const lock = await takeLock(runFolder);
    const before = readFileSync(path.join(runFolder, 'run.json'), 'utf8');
    const { code, stderr, stdout } = await sage(['resume', runFolder]);
    expect(code).toBe(1);
    expect(stderr).toBe(
      `error[run/locked]: The run is already being trained by process ${process.pid} (${runFolder}).\n` +
        `  at ${path.join(runFolder, 'lock')}\n  → Stop it first, or wait until it is done.\n    sage-grpo stop ${runFolder}\n`,
    );
    expect(stdout).not.toContain('resumed');
    expect(readFileSync(path.join(runFolder, 'run.json'), 'utf8')).toBe(before);
    await lock.release();
  });

  test('the lock of a process that is gone is taken over, also when its pid is used again', async () => {
    const runFolder = copyWithout(3);
    const { record } = await takeLock(runFolder);
    // The pid lives (it is this process), but it began at another time than the holder of the lock.
    writeFileSync(path.join(runFolder, 'lock'), JSON.stringify({ ...record, startTime: '1' }));
    expect(await sage(['resume', runFolder])).toMatchObject({ code: 0, stderr: '' });
    expectSameEnd(runFolder);
    expect(existsSync(path.join(runFolder, 'lock'))).toBe(false);
  });
});

/** Whether a connection to the control socket of a run is open; elsewhere than on Linux nobody can tell. */
function isAsked(runFolder: string): boolean {
  if (process.platform !== 'linux') return true;
  const sockets = readFileSync('/proc/net/unix', 'utf8').split('\n');
  return sockets.filter((line) => line.endsWith(path.join(runFolder, 'control.sock'))).length > 1;
}

/** A copy of the uninterrupted run that has yet to train the iterations after its last checkpoint. */
function copyWithout(iteration: number): string {
  const copy = path.join(temporaryFolder(), path.basename(uninterrupted));
  cpSync(uninterrupted, copy, { recursive: true });
  rmSync(checkpointFolder(copy, iteration), { recursive: true });
  return copy;
}
