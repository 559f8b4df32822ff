import { mkdir, mkdtemp, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { mediaOf, mediaPath, mediaRoots } from '../../../src/views/panels/run-files.ts';

let place: string;
let run: string;

beforeAll(async () => {
  place = await realpath(await mkdtemp(path.join(tmpdir(), 'sage-media-')));
  run = path.join(place, 'runs', 'shapes-20260101-000000');
  for (const folder of ['rollouts/000001', 'evaluations/000000', 'rollouts/folder.mp4', 'checkpoints'])
    await mkdir(path.join(run, folder), { recursive: true });
  await mkdir(path.join(place, 'elsewhere', 'rollouts'), { recursive: true });
  for (const file of [
    ...['rollouts/000001/p00-g0.mp4', 'rollouts/000001/p00-g0.png', 'rollouts/000001/p00-g1.mp4'],
    ...['evaluations/000000/p00-g0.mp4', 'rollouts/000001/notes.txt', 'checkpoints/c.mp4', 'top.mp4'],
    ...['../../elsewhere/secret.mp4', '../../elsewhere/rollouts/x.mp4', 'control.json'],
  ])
    await writeFile(path.join(run, file), 'x');
  const links: Record<string, string> = {
    'rollouts/000001/out.mp4': '../../../../elsewhere/secret.mp4',
    'rollouts/000001/token.mp4': '../../control.json',
    'rollouts/000001/checkpoint.mp4': '../../checkpoints/c.mp4',
    'rollouts/000001/same.mp4': 'p00-g0.mp4',
    'rollouts/000001/loop.mp4': 'loop.mp4',
    'rollouts/000001/gone.mp4': 'nothing.mp4',
    'rollouts/out': '../../../elsewhere',
  };
  for (const [link, target] of Object.entries(links)) await symlink(target, path.join(run, link));
});
afterAll(() => rm(place, { recursive: true }));

describe('files of a run that a webview may load', () => {
  it('are the videos and posters of rollouts and evaluations', async () => {
    for (const file of ['rollouts/000001/p00-g0.mp4', 'evaluations/000000/p00-g0.mp4'])
      expect(await mediaPath(run, file, '.mp4')).toBe(path.join(run, file));
    expect(await mediaPath(run, 'rollouts/000001/p00-g0.png', '.png')).toBe(
      path.join(run, 'rollouts/000001/p00-g0.png'),
    );
  });

  it.each([
    ['../../elsewhere/secret.mp4', 'leads out of the run'],
    ['rollouts/../../../elsewhere/secret.mp4', 'leads out from within'],
    ['rollouts/000001/../../top.mp4', 'leads to the run folder itself'],
    ['rollouts/000001/../000001/p00-g0.mp4', 'has a part that leads back, even if it stays inside'],
    ['/etc/passwd', 'is absolute'],
    ['C:/windows/x.mp4', 'has a drive'],
    ['rollouts\\000001\\p00-g0.mp4', 'has backslashes'],
    ['rollouts/000001/p00-g0.mp4\0.png', 'holds NUL'],
    ['', 'is empty'],
    ['rollouts//000001/p00-g0.mp4', 'has an empty part'],
    ['rollouts/000001/none.mp4', 'is not there'],
    ['rollouts/folder.mp4', 'is a folder'],
    ['rollouts/000001/notes.txt', 'is no video'],
    ['rollouts/000001/p00-g0.png', 'is a poster, not a video'],
    ['checkpoints/c.mp4', 'lies in another folder of the run'],
    ['top.mp4', 'lies beside the folders'],
    ['rollouts/000001/out.mp4', 'is a link out of the run'],
    ['rollouts/000001/token.mp4', 'is a link to what is private'],
    ['rollouts/000001/checkpoint.mp4', 'is a link to another folder of the run'],
    ['rollouts/000001/loop.mp4', 'is a link to itself'],
    ['rollouts/000001/gone.mp4', 'is a link to nothing'],
    ['rollouts/out/secret.mp4', 'lies behind a folder that is a link out'],
    ['file:///etc/passwd', 'is a URI'],
    [`rollouts/${'a'.repeat(5000)}.mp4`, 'is longer than a file system takes'],
  ])('are never %j, which %s', async (file) => {
    expect(await mediaPath(run, file, '.mp4')).toBeNull();
  });

  it('are given by their real path when links stay inside', async () => {
    expect(await mediaPath(run, 'rollouts/000001/same.mp4', '.mp4')).toBe(path.join(run, 'rollouts/000001/p00-g0.mp4'));
  });

  it('are found in a run folder that is itself a link, as on a scratch disk', async () => {
    const link = path.join(place, 'runs', 'linked');
    await symlink(run, link);
    expect(await mediaPath(link, 'rollouts/000001/p00-g0.mp4', '.mp4')).toBe(
      path.join(run, 'rollouts/000001/p00-g0.mp4'),
    );
    expect(await mediaRoots(link)).toEqual([path.join(run, 'rollouts'), path.join(run, 'evaluations')]);
  });

  it('leave out rollouts that are a link to another place', async () => {
    const other = path.join(place, 'runs', 'other');
    await mkdir(other);
    await symlink(path.join(place, 'elsewhere', 'rollouts'), path.join(other, 'rollouts'));
    expect(await mediaPath(other, 'rollouts/x.mp4', '.mp4')).toBeNull();
  });

  it('are listed by the name that the log gives them, without those that are not there', async () => {
    const found = await mediaOf(run, [
      { file: 'rollouts/000001/p00-g0.mp4', poster: 'rollouts/000001/p00-g0.png' },
      { file: 'rollouts/000001/p00-g1.mp4', poster: '../../../etc/passwd' },
      { file: 'rollouts/000001/p09-g9.mp4', poster: 'rollouts/000001/p00-g0.png' },
      { file: '__proto__', poster: '' },
    ]);
    expect(Object.fromEntries(found)).toEqual({
      'rollouts/000001/p00-g0.mp4': {
        video: path.join(run, 'rollouts/000001/p00-g0.mp4'),
        poster: path.join(run, 'rollouts/000001/p00-g0.png'),
      },
      'rollouts/000001/p00-g1.mp4': { video: path.join(run, 'rollouts/000001/p00-g1.mp4'), poster: null },
    });
  });

  it('are none when the run is gone', async () => {
    const gone = path.join(place, 'runs', 'gone');
    expect(await mediaRoots(gone)).toEqual([]);
    expect(await mediaPath(gone, 'rollouts/000001/p00-g0.mp4', '.mp4')).toBeNull();
  });
});
