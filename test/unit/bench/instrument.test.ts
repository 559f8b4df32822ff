import { expect, it } from 'vitest';
import { covered, shareTimes, takeLane, environmentKey } from '../../bench/instrument.ts';
import { getEnvironmentData } from 'node:worker_threads';

it('time that several lanes cover counts once', () => {
  expect(covered([])).toBe(0);
  expect(
    covered([
      [5, 6],
      [0, 2],
      [1, 3],
      [1.5, 1.75],
    ]),
  ).toBe(4);
});

it('every interval of a lane is read once, and lost ones are an error', () => {
  const read = shareTimes();
  const write = takeLane(getEnvironmentData(environmentKey) as SharedArrayBuffer);
  write('model', [1, 2], 0.5);
  write('decode', [2, 4], 0.25);
  expect(read()).toMatchObject({ lanes: [{ model: [[1, 2]], decode: [[2, 4]] }], runCpu: 0.75 });
  write('model', [4, 5], 1);
  expect(read()).toMatchObject({ lanes: [{ model: [[4, 5]], decode: [] }], runCpu: 1.75 });
  for (let i = 0; i < 5000; i++) write('model', [i, i], 0);
  expect(read).toThrow('overwritten');
});
