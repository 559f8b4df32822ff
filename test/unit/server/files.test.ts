import { execFileSync } from 'node:child_process';
import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { limits } from '../../../engine/protocol.ts';
import { isPlainPath, listFolder, readRange } from '../../../engine/server/files.ts';
import { newRun, temporaryFolder } from '../run/sample-run.ts';

async function runWithVideo(bytes = Buffer.from('0123456789')): Promise<string> {
  const folder = await newRun();
  await mkdir(path.join(folder, 'rollouts', '000001'));
  await writeFile(path.join(folder, 'rollouts', '000001', 'p00-g0.mp4'), bytes);
  return folder;
}
const video = 'rollouts/000001/p00-g0.mp4';
const textOf = (base64: string) => Buffer.from(base64, 'base64').toString();

describe('a range of a file', () => {
  test('is what was asked for, with size and type of the whole', async () => {
    const folder = await runWithVideo();
    const { data, ...rest } = await readRange(folder, video, 2, 5);
    expect(textOf(data)).toBe('23456');
    expect(rest).toEqual({ offset: 2, size: 10, mimeType: 'video/mp4' });
  });

  test('ends with the file, and there is nothing behind it', async () => {
    const folder = await runWithVideo();
    expect(textOf((await readRange(folder, video, 8, 100)).data)).toBe('89');
    for (const offset of [10, 11, 2 ** 40]) expect((await readRange(folder, video, offset, 100)).data).toBe('');
  });

  test('is at most the limit, and the parts make the whole', async () => {
    const bytes = Buffer.alloc(limits.readBytes * 2 + 17, 'sage 🎬 ');
    const folder = await runWithVideo(bytes);
    const parts: Buffer[] = [];
    for (let offset = 0; ; offset += limits.readBytes) {
      const part = Buffer.from((await readRange(folder, video, offset, 2 ** 40)).data, 'base64');
      if (part.length === 0) break;
      parts.push(part);
    }
    expect(parts.map(({ length }) => length)).toEqual([limits.readBytes, limits.readBytes, 17]);
    expect(Buffer.concat(parts).equals(bytes)).toBe(true);
  });

  test('of a file that is not there is refused by name', async () => {
    const folder = await runWithVideo();
    await expect(readRange(folder, 'rollouts/000002/x.mp4', 0, 1)).rejects.toMatchObject({ code: 'file/missing' });
    await expect(readRange(folder, 'rollouts', 0, 1)).rejects.toMatchObject({ code: 'file/not-a-file' });
    await expect(readRange(folder, '', 0, 1)).rejects.toMatchObject({ code: 'file/not-a-file' });
  });
});

describe('a path out of the run folder', () => {
  const ways = [
    '..',
    '../other/run.json',
    'rollouts/../../run.json',
    'rollouts/..',
    './run.json',
    'rollouts//x',
    '/etc/passwd',
    '//host/share',
    'C:/Windows/win.ini',
    'c:run.json',
    'rollouts/c:x',
    '..\\run.json',
    'rollouts\\000001',
    'run.json\0.png',
    '\0',
  ];
  test.each(ways)('is refused before the disk is asked: %j', async (way) => {
    expect(isPlainPath(way)).toBe(false);
    const folder = await runWithVideo();
    await expect(readRange(folder, way, 0, 10)).rejects.toMatchObject({ code: 'path/outside' });
    await expect(listFolder(folder, way)).rejects.toMatchObject({ code: 'path/outside' });
  });

  test.each(['run.json', 'rollouts/000001/p00-g0.mp4', '...', 'a..b', 'ünï/🎬.mp4', '~', '%2e%2e', 'a b', '-rf'])(
    'is not what a plain name is: %j',
    (plain) => expect(isPlainPath(plain)).toBe(true),
  );

  test('through a link is refused, whether the link is the file or a folder above it', async () => {
    const secrets = temporaryFolder();
    await writeFile(path.join(secrets, 'key'), 'secret');
    const folder = await runWithVideo();
    await symlink(path.join(secrets, 'key'), path.join(folder, 'rollouts', 'key.mp4'));
    await symlink(secrets, path.join(folder, 'rollouts', 'elsewhere'));
    await symlink(path.dirname(folder), path.join(folder, 'rollouts', 'up'));
    const up = `rollouts/up/${path.basename(folder)}-2/run.json`;
    await mkdir(`${folder}-2`);
    await writeFile(`${folder}-2/run.json`, 'another run');
    for (const way of ['rollouts/key.mp4', 'rollouts/elsewhere/key', up])
      await expect(readRange(folder, way, 0, 10)).rejects.toMatchObject({ code: 'path/outside' });
    await expect(listFolder(folder, 'rollouts/elsewhere')).rejects.toMatchObject({ code: 'path/outside' });
    expect((await listFolder(folder, 'rollouts')).entries.map(({ name }) => name)).toEqual(['000001']);
  });

  test('is not a link that stays inside, nor a run folder that is a link itself', async () => {
    const folder = await runWithVideo();
    await symlink(path.join(folder, 'rollouts'), path.join(folder, 'newest'));
    expect(textOf((await readRange(folder, 'newest/000001/p00-g0.mp4', 0, 3)).data)).toBe('012');
    const link = path.join(temporaryFolder(), 'linked');
    await symlink(folder, link);
    expect(textOf((await readRange(link, video, 0, 3)).data)).toBe('012');
  });
});

test('what gives power over a run is not shown, by its name or by a link to it', async () => {
  const folder = await runWithVideo();
  const secrets = ['control.json', 'control.json.tmp-1-0123456789ab', 'lock', 'lock.after-0', 'lock.tmp-0'];
  for (const name of secrets) await writeFile(path.join(folder, name), '{"token": "0"}');
  await symlink(path.join(folder, 'control.json'), path.join(folder, 'rollouts', 'innocent.json'));
  for (const name of [...secrets, 'rollouts/innocent.json'])
    await expect(readRange(folder, name, 0, 10)).rejects.toMatchObject({ code: 'path/private' });
  expect((await listFolder(folder, '')).entries.map(({ name }) => name)).toEqual([
    'checkpoints',
    'config.sage.yaml',
    'rollouts',
    'run.json',
  ]);
});

test.skipIf(process.platform === 'win32')('a pipe is no file, and nobody waits for it', async () => {
  const folder = await runWithVideo();
  execFileSync('mkfifo', [path.join(folder, 'rollouts', 'endless.mp4')]);
  await expect(readRange(folder, 'rollouts/endless.mp4', 0, 10)).rejects.toMatchObject({ code: 'file/not-a-file' });
  expect((await listFolder(folder, 'rollouts')).entries.map(({ name }) => name)).toEqual(['000001']);
});

test('a folder is listed with kinds and sizes', async () => {
  const folder = await runWithVideo();
  expect(await listFolder(folder, 'rollouts/000001')).toEqual({
    entries: [{ name: 'p00-g0.mp4', kind: 'file', bytes: 10 }],
    truncated: false,
  });
  const { size } = await readRange(folder, 'run.json', 0, 1);
  expect(size).toBe((await readFile(path.join(folder, 'run.json'))).length);
});
