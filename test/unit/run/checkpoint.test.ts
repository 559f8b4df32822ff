import { mkdir, readdir, readFile, rename, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test, vi } from 'vitest';
import {
  cleanCheckpoints,
  discardCheckpointsAfter,
  listCheckpoints,
  newestValid,
  retainCheckpoints,
  saveCheckpoint,
  validateCheckpoint,
} from '../../../engine/run/checkpoint.ts';
import { runPaths } from '../../../engine/run/folder.ts';
import { ended, flipBit, newRun, sees, startChild, stateOf, temporaryFolder } from './sample-run.ts';

async function writePolicy(folder: string): Promise<string[]> {
  await mkdir(join(folder, 'adapter'));
  await writeFile(join(folder, 'adapter', 'weights.bin'), Buffer.from('some weights, not many'));
  await writeFile(join(folder, 'optimizer.bin'), Buffer.alloc(40, 7));
  return ['adapter', 'optimizer.bin'];
}

async function save(run: string, ...iterations: number[]): Promise<void> {
  for (const iteration of iterations)
    await saveCheckpoint(run, iteration, writePolicy, stateOf(iteration, iteration * 3), { reward: iteration / 100 });
}

const folderOf = (run: string, iteration: number) =>
  join(runPaths(run).checkpoints, String(iteration).padStart(6, '0'));
const iterationsOf = async (run: string) => (await listCheckpoints(run)).map(({ iteration }) => iteration);

describe('a checkpoint', () => {
  test('holds every file of the policy, the state, and a manifest of their sums', async () => {
    const run = await newRun();
    await save(run, 40);
    const { valid, manifest } = await validateCheckpoint(folderOf(run, 40));
    expect(valid).toBe(true);
    expect(manifest!.files.map(({ name }) => name)).toEqual(['adapter/weights.bin', 'optimizer.bin', 'state.json']);
    const [listed] = await listCheckpoints(run);
    expect(listed).toMatchObject({ iteration: 40, valid: true, reason: null, reward: 0.4 });
    expect(listed.bytes).toBe(manifest!.files.reduce((sum, { bytes }) => sum + bytes, 0));
    expect(await newestValid(run)).toEqual({
      iteration: 40,
      folder: folderOf(run, 40),
      state: stateOf(40, 120),
      skipped: [],
    });
  });

  test('with any one bit flipped in any file counts as damaged, and the file is named', async () => {
    const run = await newRun();
    await save(run, 20);
    const folder = folderOf(run, 20);
    const sizes = new Map<string, number>();
    for (const name of ['manifest.json', 'state.json', 'optimizer.bin', 'adapter/weights.bin'])
      sizes.set(name, (await readFile(join(folder, name))).length);
    const place = fc
      .constantFrom(...sizes.keys())
      .chain((name) => fc.tuple(fc.constant(name), fc.nat(sizes.get(name)! - 1), fc.nat(7)));
    const property = fc.asyncProperty(place, async ([name, byte, bit]) => {
      await flipBit(join(folder, name), byte, bit);
      const { valid, reason } = await validateCheckpoint(folder);
      await flipBit(join(folder, name), byte, bit);
      expect(valid).toBe(false);
      // A flip in the manifest may make it name another file or another sum.
      if (name !== 'manifest.json') expect(reason).toContain(name);
    });
    await fc.assert(property, { numRuns: 120 });
    expect((await validateCheckpoint(folder)).valid).toBe(true);
  });

  test('that is damaged is passed over for the one before, with the reason', async () => {
    const run = await newRun();
    await save(run, 20, 40, 60);
    await flipBit(join(folderOf(run, 60), 'optimizer.bin'), 17, 3);
    const point = await newestValid(run);
    expect(point).toMatchObject({ iteration: 40, state: { iteration: 40 } });
    expect(point!.skipped).toEqual([{ iteration: 60, reason: 'optimizer.bin was altered (its sha256 differs)' }]);
    expect(await newestValid(run, 39)).toMatchObject({ iteration: 20, skipped: [] });
    expect(await newestValid(run, 19)).toBeNull();
    const deep = await listCheckpoints(run, { deep: true });
    expect(deep.map(({ valid }) => valid)).toEqual([true, true, false]);
  });

  async function raiseReward(folder: string): Promise<void> {
    const file = join(folder, 'manifest.json');
    await writeFile(file, (await readFile(file, 'utf8')).replace('"reward": 0.2', '"reward": 0.9'));
  }
  const damages: [string, (folder: string) => Promise<void>, RegExp][] = [
    ['no manifest', (folder) => rm(join(folder, 'manifest.json')), /^manifest.json is missing$/],
    ['half a manifest', (folder) => truncate(join(folder, 'manifest.json'), 90), /^manifest.json is not JSON$/],
    ['a reward changed by hand', raiseReward, /^manifest.json was altered/],
    ['a file gone', (folder) => rm(join(folder, 'optimizer.bin')), /^optimizer.bin is missing$/],
    [
      'a file cut short',
      (folder) => truncate(join(folder, 'optimizer.bin'), 39),
      /^optimizer.bin has 39 bytes instead of 40$/,
    ],
  ];
  test.each(damages)('with %s is seen to be damaged without reading it all', async (_, damage, reason) => {
    const run = await newRun();
    await save(run, 20);
    await damage(folderOf(run, 20));
    const [listed] = await listCheckpoints(run);
    expect(listed.valid).toBe(false);
    expect(listed.reason).toMatch(reason);
    expect(await newestValid(run)).toBeNull();
  });

  test('under the name of another iteration is not that checkpoint', async () => {
    const run = await newRun();
    await save(run, 20);
    await rename(folderOf(run, 20), folderOf(run, 40));
    expect((await validateCheckpoint(folderOf(run, 40))).reason).toBe('manifest.json is of iteration 20');
  });

  test('whose writing fails leaves nothing, and the earlier one of the same iteration intact', async () => {
    const run = await newRun();
    await save(run, 20);
    const failing = async (folder: string): Promise<string[]> => {
      await writePolicy(folder);
      throw new Error('the device went away');
    };
    await expect(saveCheckpoint(run, 20, failing, stateOf(20))).rejects.toThrow('the device went away');
    const forgetful = async () => ['weights.bin'];
    await expect(saveCheckpoint(run, 20, forgetful, stateOf(20))).rejects.toThrow(
      /named weights.bin but did not write/,
    );
    expect(await readdir(runPaths(run).checkpoints)).toEqual(['000020']);
    expect((await validateCheckpoint(folderOf(run, 20))).valid).toBe(true);
  });

  test('of a killed trainer is whole or not there, whenever it was killed', async () => {
    const run = temporaryFolder();
    let next = 1;
    for (let round = 0; round < 4; round++) {
      const child = startChild('save-checkpoints.ts', run, String(next));
      await sees(child, 'started');
      // The first round sees a checkpoint done; the others may be killed before theirs is.
      if (round === 0)
        await vi.waitUntil(async () => (await iterationsOf(run)).length > 0, { timeout: 60_000, interval: 5 });
      await new Promise((resolve) => setTimeout(resolve, 130 * Math.random()));
      child.kill('SIGKILL');
      await ended(child);
      const found = await listCheckpoints(run, { deep: true });
      expect(found.filter(({ valid }) => !valid)).toEqual([]);
      next = (found.at(-1)?.iteration ?? next - 1) + 1;
    }
    expect(next).toBeGreaterThan(1);
    await cleanCheckpoints(run);
    const names = await readdir(runPaths(run).checkpoints);
    expect(names.filter((name) => !/^\d{6}$/.test(name))).toEqual([]);
  });
});

describe('the checkpoints of a run', () => {
  test('are thinned to the newest and the best; a damaged one does not count', async () => {
    const run = await newRun();
    await save(run, 10, 20, 30, 40, 50);
    await truncate(join(folderOf(run, 40), 'optimizer.bin'), 3);
    expect(await retainCheckpoints(run, { keep: 2, bestIteration: 10 })).toEqual([20]);
    expect(await iterationsOf(run)).toEqual([10, 30, 40, 50]);
    expect(await retainCheckpoints(run, { keep: 1 })).toEqual([10, 30, 40]);
    expect(await retainCheckpoints(run, { keep: 0 })).toEqual([]);
    expect(await iterationsOf(run)).toEqual([50]);
    expect(await readdir(runPaths(run).checkpoints)).toEqual(['000050']);
  });

  test('of an abandoned future are gone after a resume from before it', async () => {
    const run = await newRun();
    await save(run, 10, 20, 30);
    expect(await discardCheckpointsAfter(run, 10)).toEqual([30, 20]);
    expect(await iterationsOf(run)).toEqual([10]);
  });

  test('are none in a run that has not saved any, and leftovers are no checkpoints', async () => {
    const run = await newRun();
    expect(await listCheckpoints(temporaryFolder())).toEqual([]);
    await mkdir(join(runPaths(run).checkpoints, '.tmp-000020-abcd'));
    expect(await listCheckpoints(run)).toEqual([]);
    expect(await cleanCheckpoints(run)).toEqual(['.tmp-000020-abcd']);
    expect(await readdir(runPaths(run).checkpoints)).toEqual([]);
  });
});
