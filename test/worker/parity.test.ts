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
  // It ends with 1 where something is beyond; what it printed says what, and by which seed.
  const ended = run(found.python, args, { cwd: workerFolder() });
  const { stdout, stderr } = await ended.catch((error: { stdout: string; stderr: string }) => error);
  expect(`${stderr}\n${stdout}`).toMatch(/\d{3,} comparisons, 0 beyond/);
});
