import {
  chmodSync,
  chownSync,
  closeSync,
  cpSync,
  existsSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { needsMount } from '../support/needs.ts';
import {
  checkpointFolder,
  checkpointsOf,
  eventsOf,
  historyOf,
  isRoot,
  leftoversOf,
  mountDisk,
  onlyRun,
  recordOf,
  sage,
  sumsOf,
  temporaryFolder,
  tinyConfig,
  trainedTiny,
  weightsOf,
} from './support.ts';

const blocks = {
  training: { iterations: 4, micro_batch: 2, accumulation: 3 },
  checkpoints: { every: 2, keep: 9 },
  evaluation: { every: 0, videos_per_prompt: 1, max_videos: 2 },
};
const damaged = (iteration: number) =>
  `The checkpoint of iteration ${iteration} is damaged and was passed over: ` +
  'policy.safetensors was altered (its sha256 differs).';

let uninterrupted: string;

beforeAll(async () => {
  uninterrupted = await trainedTiny(blocks);
});

/** A copy of the finished run, to be damaged. */
function copyOfRun(): string {
  const copy = path.join(temporaryFolder(), path.basename(uninterrupted));
  cpSync(uninterrupted, copy, { recursive: true });
  return copy;
}

function expectSameEnd(runFolder: string): void {
  expect(weightsOf(runFolder, 4)).toEqual(weightsOf(uninterrupted, 4));
  expect(historyOf(runFolder, ['warning'])).toEqual(historyOf(uninterrupted));
  expect(leftoversOf(runFolder)).toEqual([]);
  expect(recordOf(runFolder)).toMatchObject({ status: 'finished', message: null });
}

function flipBit(runFolder: string, iteration: number): void {
  const file = path.join(checkpointFolder(runFolder, iteration), 'policy.safetensors');
  const bytes = readFileSync(file);
  bytes[bytes.length >> 1] ^= 4;
  writeFileSync(file, bytes);
}

describe('damage on the disk', () => {
  test('a last event line that was cut off is no event, and a resume writes it anew', async () => {
    const runFolder = copyOfRun();
    rmSync(checkpointFolder(runFolder, 4), { recursive: true });
    const log = path.join(runFolder, 'events.jsonl');
    const fd = openSync(log, 'r+');
    ftruncateSync(fd, statSync(log).size - 25);
    closeSync(fd);
    const inspected = await sage(['inspect', runFolder, '--json']);
    expect(inspected).toMatchObject({ code: 0, stderr: '' });
    expect(JSON.parse(inspected.stdout)).toMatchObject({ iterations: 4 });
    expect(await sage(['resume', runFolder])).toMatchObject({ code: 0, stderr: '' });
    expectSameEnd(runFolder);
  });

  test('a damaged event line before the last is named with its number, and nothing is changed', async () => {
    const runFolder = copyOfRun();
    const log = path.join(runFolder, 'events.jsonl');
    const lines = readFileSync(log, 'utf8').split('\n');
    lines[1] = lines[1].slice(0, 40);
    writeFileSync(log, lines.join('\n'));
    const before = sumsOf(runFolder);
    const { code, stderr } = await sage(['resume', runFolder]);
    expect(code).toBe(1);
    expect(stderr).toContain(`error[events/corrupt]: Line 2 of ${log} is not a valid event: it is not JSON.`);
    expect(stderr).toContain('→ Restore the file from a copy, or resume the run from a checkpoint before that line');
    expect({ ...sumsOf(runFolder), 'engine.log': '' }).toEqual({ ...before, 'engine.log': '' });
  });

  test('a checkpoint with a flipped bit is passed over with a warning, and training goes on from the one before', async () => {
    const runFolder = copyOfRun();
    flipBit(runFolder, 4);
    const deep = JSON.parse((await sage(['inspect', runFolder, '--json', '--deep'])).stdout);
    expect(deep.checkpoints).toMatchObject([
      { iteration: 0, valid: true, reason: null },
      { iteration: 2, valid: true, reason: null },
      { iteration: 4, valid: false, reason: 'policy.safetensors was altered (its sha256 differs)' },
    ]);
    const { code, stdout } = await sage(['resume', runFolder]);
    expect(code).toBe(0);
    expect(stdout).toContain('resumed after iteration 2');
    expect(stdout.split('\n').filter((line) => line.includes('damaged'))).toEqual([
      `warning: ${damaged(4)} Check the disk. Training continues from the checkpoint before it.`,
    ]);
    expectSameEnd(runFolder);
    expect(JSON.parse((await sage(['inspect', runFolder, '--json'])).stdout).warnings).toMatchObject([
      { code: 'resume/damaged-checkpoint', message: damaged(4), count: 1 },
    ]);
  });

  test('when every checkpoint is damaged that is said, and nothing is changed', async () => {
    const runFolder = copyOfRun();
    for (const iteration of checkpointsOf(runFolder)) flipBit(runFolder, iteration);
    const before = sumsOf(runFolder);
    const { code, stderr } = await sage(['resume', runFolder]);
    expect(code).toBe(1);
    expect(stderr).toBe(
      'error[resume/no-checkpoint]: Every one of the 3 checkpoints of the run is damaged; of iteration 4: ' +
        'policy.safetensors was altered (its sha256 differs).\n' +
        `  at ${path.join(runFolder, 'checkpoints')}\n` +
        '  → Check the disk and restore the checkpoints from a copy, or start a new run from its config.sage.yaml. ' +
        'Nothing was changed.\n',
    );
    expect({ ...sumsOf(runFolder), 'engine.log': '' }).toEqual({ ...before, 'engine.log': '' });
  });

  test('a checkpoint that is not there is refused as bad usage, and the run keeps its status', async () => {
    const runFolder = copyOfRun();
    const before = sumsOf(runFolder);
    const { code, stderr } = await sage(['resume', runFolder, '--from', '3']);
    expect(code).toBe(2);
    expect(stderr).toContain('error[resume/no-checkpoint]: The run has no valid checkpoint of iteration 3.');
    expect(stderr).toContain(`→ The nearest one before it is 2.\n    sage-grpo resume ${runFolder} --from 2\n`);
    expect({ ...sumsOf(runFolder), 'engine.log': '' }).toEqual({ ...before, 'engine.log': '' });
  });

  test('a run.json that is none is named, and the run is listed as unreadable', async () => {
    const runFolder = copyOfRun();
    writeFileSync(path.join(runFolder, 'run.json'), '{"v": 1, "id"');
    const resumed = await sage(['resume', runFolder]);
    expect(resumed.code).toBe(1);
    expect(resumed.stderr).toContain(`error[run/broken]: ${runFolder} is not a readable run: run.json is not JSON.`);
    const listed = await sage(['list', '--runs', path.dirname(runFolder)]);
    expect(listed.code).toBe(0);
    expect(listed.stdout).toContain('unreadable');
    expect(listed.stdout).toContain('run.json is not JSON');
  });

  test('what killed writes left behind is removed by a resume', async () => {
    const runFolder = copyOfRun();
    for (const name of ['run.json', 'control.json', 'events.jsonl'])
      writeFileSync(path.join(runFolder, `${name}.tmp-4711-0123456789ab`), 'half');
    mkdirSync(path.join(runFolder, 'checkpoints', '.tmp-000006-01234567'));
    writeFileSync(path.join(runFolder, 'checkpoints', '.tmp-000006-01234567', 'policy.safetensors'), 'half');
    expect(await sage(['resume', runFolder])).toMatchObject({ code: 0, stderr: '' });
    expectSameEnd(runFolder);
  });
});

describe('a folder of runs that cannot be written to', () => {
  async function refused(runs: string, options = {}) {
    const config = tinyConfig(temporaryFolder(), blocks);
    chmodSync(path.dirname(config), 0o755);
    const { code, stderr, stdout } = await sage(['train', config, '--runs', runs], options);
    expect(code).toBe(1);
    // One message and no other.
    expect(stderr.match(/^error/gm)).toHaveLength(1);
    expect(stdout).toBe('');
    return stderr.slice(stderr.indexOf('error['));
  }

  test('because it is a file', async () => {
    const file = path.join(temporaryFolder(), 'runs');
    writeFileSync(file, 'mine');
    expect(await refused(file)).toBe(
      `error[file/not-a-folder]: Could not create the run folder: a file of that name is in its place (${file}, EEXIST).\n` +
        `  at ${file}\n  → Choose a path whose every parent is a folder.\n`,
    );
    expect(await refused(path.join(file, 'inner'))).toContain('error[file/not-a-folder]');
    expect(readFileSync(file, 'utf8')).toBe('mine');
  });

  test('because its disk is read-only', async ({ skip }) => {
    const disk = mountDisk('size=1m');
    if (!disk) return skip(needsMount);
    disk.remount('ro');
    const runs = path.join(disk.folder, 'runs');
    expect(await refused(runs)).toBe(
      `error[disk/read-only]: Could not create the run folder: the file system is mounted read-only (${runs}, EROFS).\n` +
        `  at ${runs}\n  → Choose a folder on a writable disk.\n`,
    );
  });

  test('because the user may not', async ({ skip }) => {
    const folder = temporaryFolder();
    const runs = path.join(folder, 'runs');
    mkdirSync(runs, { mode: 0o555 });
    chmodSync(folder, 0o755);
    // Permissions do not bind root, so root lets another user try.
    const nobody = 65_534;
    if (isRoot) chownSync(runs, nobody, nobody);
    const options = isRoot ? { uid: nobody, env: { HOME: folder } } : {};
    if (process.platform === 'win32') return skip('Windows folders have no such permission');
    if (isRoot && (await sage(['--version'], options).catch(() => null))?.code !== 0)
      return skip('another user may not start this Node or read this repository');
    expect(await refused(runs, options)).toBe(
      `error[file/no-permission]: Could not create the run folder: permission was denied (${runs}, EACCES).\n` +
        `  at ${runs}\n  → Give your user permission to it (chmod, chown), or choose another folder.\n`,
    );
    expect(readdirSync(runs)).toEqual([]);
  });
});

describe('a disk that fills up in the middle of training', () => {
  test('ends the run with a message that names the place, and a resume ends as if nothing was', async ({ skip }) => {
    // Room for two checkpoints of 8.4 MiB and not for a third.
    const disk = mountDisk('size=22m');
    if (!disk) return skip(needsMount);
    const { code, stderr, stdout } = await sage([
      'train',
      tinyConfig(temporaryFolder(), blocks),
      '--runs',
      disk.folder,
    ]);
    const runFolder = onlyRun(disk.folder);
    const folder = checkpointFolder(runFolder, 4);
    expect(code).toBe(1);
    expect(stdout).toContain('iteration 4/4');
    expect(stderr.match(/^error/gm)).toHaveLength(1);
    expect(stderr).toMatch(/error\[disk\/full\]: Could not .*: the disk is full \(.*, ENOSPC\)\./);
    expect(stderr).toContain(folder.slice(0, -6));
    expect(stderr).toContain(
      '→ Free some space or choose a folder on another disk; what was written before is intact.',
    );
    expect(recordOf(runFolder)).toMatchObject({
      status: 'failed',
      message: expect.stringContaining('the disk is full'),
    });
    expect(eventsOf(runFolder).at(-1)).toMatchObject({ kind: 'run_finished', status: 'failed' });
    expect(existsSync(path.join(runFolder, 'lock'))).toBe(false);
    expect(leftoversOf(runFolder)).toEqual([]);
    expect(checkpointsOf(runFolder)).toEqual([0, 2]);
    expect(weightsOf(runFolder, 2)).toEqual(weightsOf(uninterrupted, 2));

    const again = await sage(['resume', runFolder]);
    expect(again.code).toBe(1);
    expect(again.stderr).toContain('error[disk/full]');

    disk.remount('size=64m');
    expect(await sage(['resume', runFolder])).toMatchObject({ code: 0, stderr: '' });
    expectSameEnd(runFolder);
  });
});
