import { existsSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { makeScratch } from '../../../engine/policy/torch/scratch.ts';
import { ended, sees, startChild, temporaryFolder } from '../run/sample-run.ts';

test('the folders of trainers that died are cleared, and no others', async () => {
  const parent = temporaryFolder();
  const made = (name: string) => {
    mkdirSync(path.join(parent, name, 'inside'), { recursive: true });
    writeFileSync(path.join(parent, name, 'inside', 'pixels.safetensors'), 'x');
    return path.join(parent, name);
  };
  const there = () => existing.map((folder) => existsSync(folder));
  const child = startChild('take-lock.ts', made('sage-worker-of-another'));
  await sees(child, 'ready');
  child.stdin!.write('0\n');
  await sees(child, 'won');
  const mine = await makeScratch(parent);
  const unlocked = made('sage-worker-without-lock');
  const damaged = made('sage-worker-damaged');
  writeFileSync(path.join(damaged, 'lock'), 'no JSON');
  const elsewhere = made('elsewhere');
  const link = path.join(parent, 'sage-worker-link');
  symlinkSync(elsewhere, link);
  const existing = [path.join(parent, 'sage-worker-of-another'), mine, unlocked, damaged, elsewhere, link];

  const second = await makeScratch(parent);
  expect(second).not.toBe(mine);
  expect(there()).toEqual([true, true, true, true, true, true]);

  child.kill('SIGKILL');
  await ended(child);
  await makeScratch(parent);
  expect(there()).toEqual([false, true, true, true, true, true]);
  expect(existsSync(second)).toBe(true);
});
