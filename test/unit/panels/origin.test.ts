import { mkdir, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { iterationName } from '../../../engine/run/folder.ts';
import { originOf, placeOf } from '../../../src/views/panels/origin.ts';
import { temporaryFolder } from '../run/sample-run.ts';
import { addRollouts, makeRun, serve } from './studio.ts';

const never = new AbortController().signal;

describe('where a video comes from', () => {
  it('is told of the videos of a run in the engine’s folder', async () => {
    const served = serve();
    const run = await makeRun(served.runsFolder, 'shapes', 1);
    await addRollouts(run, 1, ['a.mp4'], ['a.mp4', 'unknown.mp4']);
    const folder = path.join(run.folder, 'rollouts', iterationName(1));
    const found = await originOf(path.join(folder, 'a.mp4'), served.engine, never);
    expect(found).toMatchObject({ run: run.id, kind: 'rollouts', iteration: 1, entry: { prompt: '<b>a circle</b>' } });
    expect(await originOf(path.join(folder, 'unknown.mp4'), served.engine, never)).toBeNull();
  });

  it('is not told of a run that lies elsewhere', async () => {
    const served = serve();
    await mkdir(served.runsFolder, { recursive: true });
    const run = await makeRun(path.join(temporaryFolder(), 'others'), 'shapes', 1);
    await addRollouts(run, 1, ['a.mp4'], ['a.mp4']);
    const file = path.join(run.folder, 'rollouts', iterationName(1), 'a.mp4');
    expect(await placeOf(file)).toMatchObject({ folder: run.folder, iteration: 1 });
    expect(await originOf(file, served.engine, never)).toBeNull();
  });

  it('is nowhere for files that no run has', async () => {
    const place = temporaryFolder();
    const inRollouts = path.join(place, 'holiday', 'rollouts', '000001');
    await mkdir(inRollouts, { recursive: true });
    await writeFile(path.join(inRollouts, 'a.mp4'), '');
    expect(await placeOf(path.join(inRollouts, 'a.mp4'))).toBeNull();
    await writeFile(path.join(place, 'holiday', 'run.json'), '{}');
    expect(await placeOf(path.join(inRollouts, 'a.mp4'))).not.toBeNull();
    await symlink(path.join(place, 'holiday', 'run.json'), path.join(inRollouts, 'link.mp4'));
    for (const file of [
      ...[path.join(inRollouts, 'link.mp4'), path.join(inRollouts, 'none.mp4')],
      ...[path.join(place, 'holiday'), '/', '/a.mp4', `${inRollouts}/a\0.mp4`],
    ])
      expect(await placeOf(file)).toBeNull();
  });
});
