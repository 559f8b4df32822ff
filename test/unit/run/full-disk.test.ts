import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { listCheckpoints, saveCheckpoint } from '../../../engine/run/checkpoint.ts';
import { openEventLog, readEvents } from '../../../engine/run/event-log.ts';
import { createRun, readRun, runPaths, updateRun } from '../../../engine/run/folder.ts';
import { takeLock } from '../../../engine/run/lock.ts';
import { readSafetensors, writeSafetensors, type Tensor } from '../../../engine/run/safetensors.ts';
import { canMount, needs, needsMount } from '../../support/needs.ts';
import { config, provenance, smallDisk, stateOf, warningEvent } from './sample-run.ts';

const diskFull = { code: 'disk/full', exitCode: 1, remedy: expect.stringContaining('Free some space') };

/** Takes what is left of a disk, save for some bytes at the end of the last page. */
async function fill(folder: string): Promise<void> {
  await writeFile(join(folder, 'filler'), Buffer.alloc(1 << 20)).catch(() => undefined);
}

describe('on a full disk', () => {
  needs(canMount, needsMount);

  test('a run is not begun, and nothing is left of it', async () => {
    const { folder } = smallDisk(64);
    await fill(folder);
    const error = await createRun(folder, 'shapes', 'x'.repeat(10_000), config, provenance).catch((e) => e);
    expect(error).toMatchObject({
      ...diskFull,
      message: expect.stringMatching(/^Could not create the run folder.*ENOSPC/),
    });
    expect(await readdir(folder)).toEqual(['filler']);
  });

  test('the event log ends with the last whole event, and goes on when there is space', async () => {
    const { folder } = smallDisk(64);
    const log = await openEventLog(join(folder, 'events.jsonl'));
    log.append(warningEvent(1));
    const long = warningEvent(2, 'x'.repeat(30_000));
    log.append(long);
    let refused: unknown;
    for (let i = 0; i < 5 && !refused; i++) {
      try {
        log.append(long);
      } catch (error) {
        refused = error;
      }
    }
    expect(refused).toMatchObject(diskFull);
    expect((await readFile(log.file)).at(-1)).toBe(10);
    const before = await readEvents(log.file);
    expect(before.at(-1)!.seq).toBe(log.lastSeq());
    log.append(warningEvent(3, 'short'));
    log.close();
    expect((await readEvents(log.file)).map(({ seq }) => seq)).toEqual([
      ...before.map(({ seq }) => seq),
      before.length + 1,
    ]);
  });

  test('a checkpoint is not half written, and those before are intact', async () => {
    const { folder: disk } = smallDisk(256);
    const { folder } = await createRun(disk, 'shapes', '', config, provenance);
    const policy = (bytes: number) => async (into: string) => {
      await writeFile(join(into, 'w.bin'), Buffer.alloc(bytes, 1));
      return ['w.bin'];
    };
    await saveCheckpoint(folder, 20, policy(50_000), stateOf(20));
    await expect(saveCheckpoint(folder, 40, policy(500_000), stateOf(40))).rejects.toMatchObject(diskFull);
    await expect(saveCheckpoint(folder, 20, policy(500_000), stateOf(20))).rejects.toMatchObject(diskFull);
    expect(await readdir(runPaths(folder).checkpoints)).toEqual(['000020']);
    expect(await listCheckpoints(folder, { deep: true })).toMatchObject([{ iteration: 20, valid: true }]);
  });

  test('run.json, weights and lock are the old ones or none', async () => {
    const { folder: disk } = smallDisk(128);
    const { folder } = await createRun(disk, 'shapes', '', config, provenance);
    const file = join(folder, 'w.safetensors');
    const weights = (n: number): [string, Tensor][] => [['w', { dtype: 'uint8', shape: [n], data: new Uint8Array(n) }]];
    await writeSafetensors(file, weights(9));
    await expect(writeSafetensors(file, weights(200_000))).rejects.toMatchObject(diskFull);
    await fill(disk);
    await expect(updateRun(folder, { status: 'paused' })).rejects.toMatchObject(diskFull);
    await expect(takeLock(folder)).rejects.toMatchObject(diskFull);
    expect((await readRun(folder)).status).toBe('running');
    expect((await readSafetensors(file)).tensors.get('w')!.shape).toEqual([9]);
    const names = ['checkpoints', 'config.sage.yaml', 'rollouts', 'run.json', 'w.safetensors'];
    expect((await readdir(folder)).sort()).toEqual(names);
  });
});
