/** Runs the suites of this folder inside the extension host of a real workbench. */
import { execFile } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { inject } from 'vitest';
import { packageRoot } from '../../engine/package-root.ts';
import { describeSuites } from '../workbench/suite-results.ts';

const extension = { development: packageRoot() };

describeSuites('in the extension host', inject('workbench'), async () => ({ extension }));

describeSuites('in the extension host', inject('workbench'), async (folder) => {
  // Somebody else's folder: with a run in it, and settings that must not count.
  const program = path.join(packageRoot(), 'dist', 'cli.js');
  const few = ['--iterations', '1', '--name', 'earlier', '--set', 'evaluation.max_videos=4'];
  await promisify(execFile)(process.execPath, [program, 'train', 'shapes.sage.yaml', ...few], { cwd: folder });
  await mkdir(path.join(folder, '.vscode'));
  const settings = { 'sage.runsFolder': 'elsewhere', 'sage.launch.confirm': false };
  await writeFile(path.join(folder, '.vscode', 'settings.json'), JSON.stringify(settings));
  return { extension, trust: false, suites: ['trust'] };
});
