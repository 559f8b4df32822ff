import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { findPython, workerFolder } from '../../engine/python.ts';
import { makeModules } from '../../engine/shapes/make/modules.ts';
import { weightsFolder } from '../../engine/shapes/weights.ts';

const run = promisify(execFile);

test('the exported graphs agree with PyTorch within 1e-4 on fresh random inputs, and replay is exact', async (context) => {
  const found = await findPython(makeModules);
  if (found.python === null) return context.skip(`no Python here has ${makeModules.join(', ')}`);
  const args = ['-m', 'sage_worker.shapes.parity', '--weights', weightsFolder()];
  const { stdout } = await run(found.python, args, { cwd: workerFolder() });
  expect(stdout).toMatch(/\d{3,} comparisons, 0 beyond/);
});
