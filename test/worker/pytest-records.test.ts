import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import { findPython } from '../../engine/python.ts';
import { runPytest } from './pytest-records.ts';

const tests = `
import os, pytest

@pytest.fixture
def brittle():
    yield
    raise RuntimeError("tear-down broke")

def test_good(): pass
def test_bad(): assert 1 == 2
def test_left_out(): pytest.skip("no such device")
def test_bad_end(brittle): pass
def test_dies(): os.abort()
def test_never_begun(): pass
`;

test('each test of pytest counts, and a Python that dies has failed in the test where it died', async (context) => {
  const found = await findPython(['pytest']);
  if (found.python === null) return context.skip('no Python here has pytest');
  const folder = await mkdtemp(path.join(os.tmpdir(), 'sage-records-'));
  try {
    await writeFile(path.join(folder, 'test_a.py'), 'import sage_worker.no_such_module');
    await writeFile(path.join(folder, 'test_b.py'), tests);
    const records = await runPytest(found.python, [folder]);
    const name = (id: string) => id.replace(/^.*test_/, '');
    expect(records.map(({ id, state }) => `${name(id)} ${state}`)).toEqual([
      'a.py failed',
      'good passed',
      'bad failed',
      'left_out skipped',
      'bad_end failed',
      'dies failed',
    ]);
    const text = Object.fromEntries(records.map(({ id, text }) => [name(id), text]));
    expect(text['a.py']).toContain("No module named 'sage_worker.no_such_module'");
    expect(text.bad).toContain('assert 1 == 2');
    expect(text.left_out).toBe('no such device');
    expect(text.bad_end).toContain('tear-down broke');
    expect(text.dies).toMatch(/ended with a signal[^]*Aborted/);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
