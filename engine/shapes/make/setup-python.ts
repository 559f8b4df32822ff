/** Makes `.venv` with what `engine/worker` needs to train, to make the embedded model, and to be checked. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { findPython, venvFolder, venvPython, workerPins, workerRequirements } from '../../python.ts';

const extras = ['make', 'train', 'test'] as const;
const found = await findPython(Object.keys(workerPins(extras)));
if (found.python) {
  process.stderr.write(`Python is ready: ${found.python} (${JSON.stringify(found.versions)})\n`);
} else {
  install();
}

function install(): void {
  const folder = venvFolder();
  process.stderr.write(`making ${folder} (PyTorch is large; this takes a minute or more)\n`);
  if (!existsSync(venvPython(folder))) run('python3', ['-m', 'venv', folder]);
  run(venvPython(folder), ['-m', 'pip', 'install', '--quiet', ...workerRequirements(extras)]);
}

function run(command: string, args: string[]): void {
  const result = spawnSync(command, args, { stdio: 'inherit' });
  if (result.status === 0) return;
  process.stderr.write(
    `error: ${command} ${args.join(' ')} failed${result.error ? `: ${result.error.message}` : ''}.\n` +
      '  → Install Python 3.11 or later with venv, or name one that has the packages in SAGE_PYTHON.\n',
  );
  process.exit(1);
}
