import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { packageRoot } from '../package-root.ts';
import { generatedFiles } from './generated.ts';

for (const [name, text] of Object.entries(generatedFiles())) {
  const file = join(packageRoot(), name);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
  process.stdout.write(`wrote ${name}\n`);
}
