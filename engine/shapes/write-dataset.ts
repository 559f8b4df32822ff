import { parseArgs } from 'node:util';
import { defaultFlaws, noFlaws, writeDataset } from './dataset.ts';

const usage = 'usage: node engine/shapes/write-dataset.ts OUT.safetensors --count N [--seed S] [--clean]';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    count: { type: 'string' },
    seed: { type: 'string', default: '1' },
    clean: { type: 'boolean', default: false },
  },
});
const count = Number(values.count);
const seed = Number(values.seed);
if (positionals.length !== 1 || !Number.isInteger(count) || count < 1 || !Number.isInteger(seed)) {
  console.error(usage);
  process.exit(2);
}
writeDataset(positionals[0], { count, seed, flaws: values.clean ? noFlaws : defaultFlaws });
console.log(`${positionals[0]}: ${count} ${values.clean ? 'clean ' : ''}videos, seed ${seed}`);
