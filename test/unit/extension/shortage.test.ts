import { expect, test } from 'vitest';
import { noPython, workerDied, workerFailed, workerSilent } from '../../../engine/policy/torch/failure.ts';
import { problemOf } from '../../../engine/server/problem.ts';
import { endedInShortage, isShortage, settingsOf } from '../../../src/runs/shortage.ts';

const at = (...lines: string[]) => ({ doing: 'updated the weights', lines, log: null });
const fault = { code: 'worker/bug' as const, message: 'CUDA error: tried to allocate 20.00 GiB', remedy: '', rank: 0 };

test.each([
  [workerFailed({ ...fault, kind: 'memory' }, at())],
  [workerDied({ code: 1, signal: null }, at('torch.OutOfMemoryError: CUDA out of memory.'))],
  [workerDied({ code: null, signal: 'SIGKILL' }, at())],
])('a run that lacked memory is known by what it says: %s', (error) => {
  expect(endedInShortage(error.message)).toBe(true);
  expect(isShortage(problemOf(error))).toBe(true);
});

test('one that has fewer GPUs than it wants is known as well', () => {
  const message = 'The run wants 4 GPUs or more of this machine, which has 2.';
  const kind = 'user' as const;
  const error = workerFailed({ ...fault, code: 'worker/devices' as const, message, kind }, at());
  expect(endedInShortage(error.message)).toBe(true);
  expect(isShortage(problemOf(error))).toBe(true);
});

test.each([
  [workerFailed({ ...fault, message: 'shapes do not match', kind: 'bug' }, at())],
  [workerDied({ code: 1, signal: null }, at('ImportError: no peft'))],
  [workerSilent(180, at())],
  [noPython([])],
])('a run that failed otherwise is not taken for one: %s', (error) => {
  expect(endedInShortage(error.message)).toBe(false);
  expect(isShortage(problemOf(error))).toBe(false);
});

test('settings are typed as on the command line', () => {
  expect(endedInShortage(null)).toBe(false);
  expect(settingsOf(' policy.devices=2  training.micro_batch=1, ')).toEqual([
    'policy.devices=2',
    'training.micro_batch=1',
  ]);
  expect(settingsOf('')).toEqual([]);
});
