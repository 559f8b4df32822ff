/** Packs the extension for this platform, installs the package into a clean profile, and uses it there. */
import { execFile } from 'node:child_process';
import { stat } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { inject } from 'vitest';
import { packageRoot } from '../../engine/package-root.ts';
import { describeSuites } from './suite-results.ts';

describeSuites('the .vsix', inject('workbench'), async (folder) => {
  const vsix = path.join(path.dirname(folder), 'sage-studio.vsix');
  // Refuses what is larger than 40 MB.
  await promisify(execFile)(process.execPath, ['vsix.mjs', '--out', vsix], { cwd: packageRoot() });
  console.log(`the .vsix has ${((await stat(vsix)).size / 1e6).toFixed(1)} MB`);
  return { extension: { vsix }, suites: ['installed'] };
});
