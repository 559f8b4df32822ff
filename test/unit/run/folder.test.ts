import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { diskError } from '../../../engine/run/disk.ts';
import {
  createRun,
  currentStatus,
  findRun,
  listRuns,
  readRun,
  runPaths,
  updateRun,
} from '../../../engine/run/folder.ts';
import { takeLock } from '../../../engine/run/lock.ts';
import { collectProvenance } from '../../../engine/run/provenance.ts';
import { writeFileAtomic } from '../../../engine/run/disk.ts';
import { canMount, needsMount } from '../../support/needs.ts';
import { config, newRun, provenance, sees, smallDisk, startChild, temporaryFolder } from './sample-run.ts';

const create = (runsDir: string, name = 'shapes') =>
  createRun(runsDir, name, 'name: shapes\n# mine 🎬\n', config, provenance);

describe('a run folder', () => {
  test('is named by run and second, and is unique even when many begin at once', async () => {
    const runsDir = join(temporaryFolder(), 'deep', 'runs');
    const runs = await Promise.all(Array.from({ length: 8 }, () => create(runsDir)));
    expect(new Set(runs.map(({ id }) => id)).size).toBe(8);
    for (const { id, folder } of runs) {
      expect(id).toMatch(/^shapes-\d{8}-\d{6}(-[2-8])?$/);
      expect(basename(folder)).toBe(id);
      expect((await readRun(folder)).id).toBe(id);
      expect((await readdir(folder)).sort()).toEqual(['checkpoints', 'config.sage.yaml', 'rollouts', 'run.json']);
    }
    expect((await readdir(runsDir)).sort()).toEqual(runs.map(({ id }) => id).sort());
  });

  test('holds the config exactly as launched, the resolved config and the provenance', async () => {
    const { folder } = await create(temporaryFolder());
    expect(await readFile(runPaths(folder).config, 'utf8')).toBe('name: shapes\n# mine 🎬\n');
    expect(await readRun(folder)).toMatchObject({
      name: 'shapes',
      status: 'running',
      message: null,
      config,
      provenance,
    });
  });

  test.each(['', '..', 'a/b', 'a b', '🎬', 'x\n'])('cannot be named %j', async (name) => {
    const runsDir = temporaryFolder();
    await expect(create(runsDir, name)).rejects.toMatchObject({ code: 'run/name', exitCode: 2 });
    expect(await readdir(runsDir)).toEqual([]);
  });

  test('changes status by replacing run.json, leaving nothing beside it', async () => {
    const { folder } = await create(temporaryFolder());
    await updateRun(folder, { status: 'failed', message: 'no' });
    expect(await readRun(folder)).toMatchObject({ status: 'failed', message: 'no', config });
    expect((await readdir(folder)).filter((name) => name.includes('tmp'))).toEqual([]);
  });

  test('ends with the change that was asked for last, also when none is awaited', async () => {
    const { folder } = await create(temporaryFolder());
    const wanted = ['paused', 'running', 'paused', 'stopped'] as const;
    await Promise.all(wanted.map((status, i) => updateRun(folder, { status, ...(i === 0 && { message: 'kept' }) })));
    expect(await readRun(folder)).toMatchObject({ status: 'stopped', message: 'kept' });
  });

  test('that says it runs but has no living trainer has crashed', async () => {
    const { folder, record } = await create(temporaryFolder());
    expect(await currentStatus(folder, record)).toBe('crashed');
    const lock = await takeLock(folder);
    expect(await currentStatus(folder, record)).toBe('running');
    await lock.release();
    expect(await currentStatus(folder, { ...record, status: 'finished' })).toBe('finished');
  });

  test('with a damaged run.json is refused with the file and what is wrong', async () => {
    const { folder } = await create(temporaryFolder());
    const { run } = runPaths(folder);
    const text = await readFile(run, 'utf8');
    const damages: [string, RegExp][] = [
      [text.slice(0, 50), /not JSON/],
      [text.replace('"running"', '"flying"'), /fault at status/],
      ['[]', /fault at its top/],
    ];
    for (const [damaged, message] of damages) {
      await writeFile(run, damaged);
      const refusal = { code: 'run/broken', place: { file: run }, message: expect.stringMatching(message) };
      await expect(readRun(folder)).rejects.toMatchObject(refusal);
    }
  });
});

describe('the list of runs', () => {
  test('is newest first, passes over foreign folders, and says why a run cannot be read', async () => {
    const runsDir = temporaryFolder();
    const ids: string[] = [];
    for (let i = 0; i < 3; i++) {
      ids.unshift((await create(runsDir)).id);
      await new Promise((resolve) => setTimeout(resolve, 3));
    }
    await mkdir(join(runsDir, 'photos'));
    await mkdir(join(runsDir, '.tmp-run-abc'));
    await writeFile(join(runsDir, 'notes.txt'), '');
    await mkdir(join(runsDir, 'shapes-20260101-000000'));
    await mkdir(join(runsDir, 'other'));
    await writeFile(join(runsDir, 'other', 'run.json'), '{');
    const listed = await listRuns(runsDir);
    expect(listed.slice(0, 3).map(({ id, broken }) => [id, broken])).toEqual(ids.map((id) => [id, null]));
    expect(new Map(listed.slice(3).map(({ id, broken }) => [id, broken]))).toEqual(
      new Map([
        ['shapes-20260101-000000', expect.stringContaining('no run.json')],
        ['other', expect.stringContaining('not JSON')],
      ]),
    );
  });

  test('of a missing folder is empty; of a file it is an error', async () => {
    const folder = temporaryFolder();
    expect(await listRuns(join(folder, 'none'))).toEqual([]);
    await writeFile(join(folder, 'file'), '');
    await expect(listRuns(join(folder, 'file'))).rejects.toMatchObject({ code: 'file/not-a-folder' });
  });
});

describe('a run is found', () => {
  test('by path, id and name, the newest of a name', async () => {
    const runsDir = temporaryFolder();
    const older = await create(runsDir);
    await new Promise((resolve) => setTimeout(resolve, 3));
    const newer = await create(runsDir);
    expect(await findRun(older.folder + '/', '/nowhere')).toBe(older.folder);
    expect(await findRun(older.id, runsDir)).toBe(older.folder);
    expect(await findRun('shapes', runsDir)).toBe(newer.folder);
  });

  test('or the nearest is proposed', async () => {
    const runsDir = temporaryFolder();
    await create(runsDir);
    const remedyOf = (name: string) =>
      findRun(name, runsDir).catch((error) => [error.code, error.exitCode, error.remedy, error.advice]);
    expect(await remedyOf('shaeps')).toEqual(['run/unknown', 2, 'Did you mean "shapes"?', []]);
    expect(await remedyOf('something-else')).toEqual(['run/unknown', 2, expect.any(String), [{ action: 'list' }]]);
    await rm(runsDir, { recursive: true });
    expect(await remedyOf('shapes')).toEqual(['run/unknown', 2, expect.stringContaining('There are no runs in'), []]);
  });
});

describe('a disk that refuses', () => {
  test('a file where a folder should be is one clear error', async () => {
    const folder = temporaryFolder();
    await writeFile(join(folder, 'file'), '');
    const error = await create(join(folder, 'file', 'runs')).catch((e) => e);
    expect(error).toMatchObject({
      code: 'file/not-a-folder',
      exitCode: 1,
      place: { file: join(folder, 'file', 'runs') },
    });
    expect(error.message).toMatch(/^Could not create the run folder: .*ENOTDIR\)\.$/);
  });

  test('a file where a folder should be is one clear error, for a single file too', async () => {
    const file = join(temporaryFolder(), 'file');
    await writeFile(file, '');
    await expect(writeFileAtomic(join(file, 'report.html'), 'x')).rejects.toMatchObject({ code: 'file/not-a-folder' });
  });

  test('no permission is one clear error', async (context) => {
    const said = await sees(startChild('make-run.ts', temporaryFolder()), '\n');
    if (said === 'still root\n') context.skip('needs a user other than root, who is never denied');
    expect(said).toBe('made, then file/no-permission\n');
  });

  test('a read-only disk is one clear error', async (context) => {
    if (!canMount) context.skip(needsMount);
    const disk = smallDisk(256);
    const { folder } = await create(disk.folder);
    disk.makeReadOnly();
    await expect(create(disk.folder)).rejects.toMatchObject({ code: 'disk/read-only' });
    await expect(updateRun(folder, { status: 'paused' })).rejects.toMatchObject({ code: 'disk/read-only' });
    expect((await readRun(folder)).status).toBe('running');
  });

  test('is told from a defect of the program', () => {
    const defect = new TypeError('x is not a function');
    expect(diskError(defect, '/f', 'do it')).toBe(defect);
  });
});

describe('provenance', () => {
  test('names versions, machine, seed, and the commit of a git work tree if there is one', async () => {
    const outside = await collectProvenance({ seed: 7, folder: temporaryFolder(), versions: { policy: '1' } });
    expect(outside).toMatchObject({ seed: 7, commit: null, modified: null, versions: { policy: '1' } });
    expect(outside.versions.node).toBe(process.versions.node);
    expect(outside.cpu).not.toBe('');
    const folder = await newRun({}, 'with-provenance');
    await updateRun(folder, { provenance: outside });
    expect((await readRun(folder)).provenance).toEqual(outside);
  });
});
