/** `npm run shapes:pretrain [-- --seed S] [--count N]`: renders the data set, trains autoencoder and flow model on it. */
import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { writeDataset } from '../dataset.ts';
import { weightsFolder } from '../weights.ts';
import { runWorkerModule } from './modules.ts';

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: '1' },
    count: { type: 'string', default: '12000' },
    out: { type: 'string', default: weightsFolder() },
    quick: { type: 'boolean', default: false },
  },
});
const folder = await mkdtemp(path.join(os.tmpdir(), 'shapes-'));
try {
  const dataset = path.join(folder, 'dataset.safetensors');
  process.stderr.write(`rendering ${values.count} videos\n`);
  writeDataset(dataset, { count: Number(values.count), seed: Number(values.seed) });
  const quick = values.quick ? ['--quick'] : [];
  await runWorkerModule('sage_worker.shapes.pretrain', [
    '--dataset',
    dataset,
    '--out',
    values.out,
    '--seed',
    values.seed,
    ...quick,
  ]);
  await runWorkerModule('sage_worker.shapes.export', ['--out', values.out]);
} finally {
  await rm(folder, { recursive: true, force: true });
}
