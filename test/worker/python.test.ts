import { describe, expect, it } from 'vitest';
import { findPython } from '../../engine/python.ts';
import { pythonTests, run, runPytest } from './pytest-records.ts';

const remedy = '`node bootstrap.mjs setup-python` makes one';

describe('the Python of engine/worker and of its tests', () => {
  for (const [tool, ...argv] of [
    ['ruff', 'check', '.', pythonTests],
    ['ruff', 'format', '--check', '.', pythonTests],
    ['mypy', 'sage_worker'],
    // A test need not say what its fixtures are; what it does with them is checked all the same.
    ['mypy', '--allow-untyped-defs', '--allow-incomplete-defs', '--cache-dir=.mypy_cache/tests', pythonTests],
  ]) {
    it(`passes ${tool} ${argv.map((word) => (word === pythonTests ? 'test/worker/python' : word)).join(' ')}`, async (context) => {
      // mypy follows imports into PyTorch.
      const found = await findPython(tool === 'mypy' ? ['mypy', 'pytest', 'torch'] : [tool]);
      if (found.python === null) return context.skip(`no Python here has ${tool} (${remedy})`);
      const { code, output } = await run(found.python, ['-m', tool, ...argv]);
      expect(code, output).toBe(0);
    }, 900_000);
  }
});

// pytest runs while tests are collected; each of its tests becomes one here.
describe('pytest', async () => {
  const needed = ['pytest', 'torch', 'numpy', 'safetensors'];
  const found = await findPython(needed);
  if (found.python === null) {
    it('test/worker/python', (context) => context.skip(`no Python here has ${needed.join(', ')} (${remedy})`));
    return;
  }
  const records = await runPytest(found.python, [pythonTests]);
  if (records.length === 0) throw new Error('pytest found no test');
  for (const { id, state, text } of records) {
    it(id, (context) => {
      if (state === 'skipped') context.skip(text);
      if (state === 'failed') throw new Error(text);
    });
  }
});
