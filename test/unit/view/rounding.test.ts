import fc from 'fast-check';
import { expect, test } from 'vitest';
import { rounded } from '../../../engine/view/rounding.ts';

test('a rounded number has about six significant digits and prints as briefly', () => {
  const property = fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (value) => {
    const result = rounded(value);
    expect(Math.abs(result - value)).toBeLessThanOrEqual(Math.abs(value) * 1e-5);
    if (Number.isSafeInteger(value)) return;
    const digits = String(Math.abs(result)).replace(/e.*/, '').replace('.', '').replace(/^0+/, '').replace(/0+$/, '');
    expect(digits.length).toBeLessThanOrEqual(7);
  });
  fc.assert(property, { numRuns: 2000, examples: [[0], [-0.1], [5e-324], [1e300], [123456.789], [1e15 + 0.5]] });
});

test('whole numbers keep all their digits', () => {
  for (const value of [0, -7, 1234567, 2 ** 53 - 1]) expect(rounded(value)).toBe(value);
  expect(rounded(1 / 3)).toBe(0.333333);
  expect(rounded(2e-7 / 3)).toBe(6.66667e-8);
  expect(rounded(1234567.89)).toBe(1234570);
});
