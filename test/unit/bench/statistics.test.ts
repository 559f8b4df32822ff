import { describe, expect, it } from 'vitest';
import { bootstrapMean, imbalance, median, pairedDifference, quantile, uniforms } from '../../bench/statistics.ts';

describe('quantiles', () => {
  it('interpolate between order statistics, whatever the order of the values', () => {
    expect(median([4, 1, 3, 2])).toBe(2.5);
    expect(quantile([30, 10, 20], 0.25)).toBe(15);
    expect(quantile([30, 10, 20], 1)).toBe(30);
  });
});

describe('the bootstrap', () => {
  it('is a function of its seed', () => {
    const values = [1, 4, 2, 8, 5];
    expect(bootstrapMean(values, 500, 3)).toEqual(bootstrapMean(values, 500, 3));
    expect(bootstrapMean(values, 500, 3)).not.toEqual(bootstrapMean(values, 500, 4));
  });

  it('gives the interval that the normal law gives for many values', () => {
    const uniform = uniforms(7);
    const values = Array.from({ length: 400 }, () => uniform());
    const { mean, low, high } = bootstrapMean(values);
    const halfWidth = (1.96 * Math.sqrt(1 / 12)) / Math.sqrt(400);
    expect((high! - low!) / 2 / halfWidth).toBeGreaterThan(0.9);
    expect((high! - low!) / 2 / halfWidth).toBeLessThan(1.1);
    expect((high! + low!) / 2).toBeCloseTo(mean, 2);
  });

  it('holds the true mean in about 95 % of samples', () => {
    const uniform = uniforms(11);
    const covered = Array.from({ length: 300 }, (_, i) => {
      const { low, high } = bootstrapMean(
        Array.from({ length: 60 }, () => uniform()),
        400,
        i,
      );
      return low! <= 0.5 && 0.5 <= high!;
    }).filter(Boolean).length;
    expect(covered / 300).toBeGreaterThan(0.9);
    expect(covered / 300).toBeLessThan(0.985);
  });

  it('makes no interval of a single value', () => {
    expect(bootstrapMean([3])).toEqual({ mean: 3, low: null, high: null, count: 1 });
  });
});

describe('paired differences', () => {
  it('see a constant effect exactly through any spread of the seeds, and use the common seeds alone', () => {
    const base = new Map([1, 2, 3, 4].map((seed) => [seed, seed * 100]));
    const other = new Map([...base].map(([seed, value]) => [seed, value + 2]));
    other.set(9, 1e6);
    expect(pairedDifference(other, base)).toEqual({ mean: 2, low: 2, high: 2, count: 4 });
  });
});

describe('imbalance', () => {
  it('is the largest norm over the smallest; zeros and missing norms say nothing', () => {
    expect(imbalance([2, 8, 4])).toBe(4);
    expect(imbalance([2, 0, null, 6])).toBe(3);
    expect(imbalance([5, 0, null])).toBeNull();
  });
});
