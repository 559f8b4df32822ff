/** Saves checkpoints in a loop, a new one and an old one again by turns, until it is killed. */
import { randomBytes } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { cleanCheckpoints, retainCheckpoints, saveCheckpoint } from '../../../../engine/run/checkpoint.ts';

const [run, from] = process.argv.slice(2);
await cleanCheckpoints(run);
console.log('started');
for (let iteration = Number(from); ; iteration++) {
  const writeFiles = async (folder: string) => {
    await mkdir(join(folder, 'adapter'));
    await writeFile(join(folder, 'adapter', 'weights.bin'), randomBytes(300_000));
    await writeFile(join(folder, 'optimizer.bin'), randomBytes(300_000));
    return ['adapter', 'optimizer.bin'];
  };
  const state = { iteration, updates: 0, seed: 1, klController: {}, equalizer: null, best: null, eventSeq: 0 };
  await saveCheckpoint(run, iteration, writeFiles, state);
  await saveCheckpoint(run, iteration, writeFiles, state);
  await retainCheckpoints(run, { keep: 3 });
}
