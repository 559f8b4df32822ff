/** Makes `.venv` with what `engine/worker` needs to train, export and check the embedded model. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { findPython, venvFolder, venvPython, workerFolder } from '../../python.ts';
import { makeModules } from './modules.ts';

const found = await findPython(makeModules);
if (found.python) {
  process.stderr.write(`Python is ready: ${found.python} (${JSON.stringify(found.versions)})\n`);
} else {
  install();
}

function install(): void {
  const folder = venvFolder();
  process.stderr.write(`making ${folder} (PyTorch is large; this takes a minute or more)\n`);
  if (!existsSync(venvPython(folder))) run('python3', ['-m', 'venv', folder]);
  const requirements = path.join(workerFolder(), 'requirements-make.txt');
  run(venvPython(folder), ['-m', 'pip', 'install', '--quiet', '--requirement', requirements]);
}

function run(command: string, args: string[]): void {
  const result = spawnSync(command, args, { stdio: 'inherit' });
  if (result.status === 0) return;
  process.stderr.write(
    `error: ${command} ${args.join(' ')} failed${result.error ? `: ${result.error.message}` : ''}.\n` +
      '  → Install Python 3.10 or later with venv, or name one that has the packages in SAGE_PYTHON.\n',
  );
  process.exit(1);
}
