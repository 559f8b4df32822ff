import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { clippedSurrogate, klAnchorScale, klStep } from '../../../engine/method/surrogate.ts';
import { between } from './arbitrary.ts';

describe('the clipped surrogate', () => {
  it('is −A·ratio and unclipped inside the clip range', () => {
    fc.assert(
      fc.property(between(-0.9, 0.9), between(-5, 5), (place, advantage) => {
        const ratio = 1 + 1e-4 * place;
        expect(clippedSurrogate(ratio, advantage, 1e-4)).toEqual({ loss: -advantage * ratio, clipped: false });
      }),
    );
  });

  it.each([
    [1.3, 2, -2 * 1.1, true],
    [1.3, -2, 2 * 1.3, false],
    [0.7, 2, -2 * 0.7, false],
    [0.7, -2, 2 * 0.9, true],
  ])('at ratio %f and advantage %f is pessimistic', (ratio, advantage, loss, clipped) => {
    const result = clippedSurrogate(ratio, advantage, 0.1);
    expect(result.loss).toBeCloseTo(loss, 12);
    expect(result.clipped).toBe(clipped);
  });

  it('is never below the unclipped loss', () => {
    fc.assert(
      fc.property(between(0, 10), between(-5, 5), between(1e-5, 0.5), (ratio, advantage, clip) => {
        expect(clippedSurrogate(ratio, advantage, clip).loss).toBeGreaterThanOrEqual(-advantage * ratio);
      }),
    );
  });
});

describe('the stepwise KL', () => {
  it('by k3 is never negative, and 0 only without change', () => {
    fc.assert(
      fc.property(between(-20, 5), between(-20, 5), (before, after) => {
        const kl = klStep(before, after, 'k3');
        if (before === after) expect(kl).toBe(0);
        else expect(kl).toBeGreaterThanOrEqual(0);
        if (Math.abs(after - before) > 1e-100) expect(kl).toBeGreaterThan(0);
      }),
    );
  });

  it('by k3 is exp(d) − 1 − d, and keeps its digits for the tiny d of a clip range of 1e-4', () => {
    expect(klStep(0, 1, 'k3')).toBeCloseTo(Math.E - 2, 14);
    expect(klStep(0, 1e-5, 'k3') / (1e-10 / 2 + 1e-15 / 6 + 1e-20 / 24)).toBeCloseTo(1, 14);
    const [below, above] = [0.00999999, 0.01000001].map((d) => klStep(0, d, 'k3'));
    expect((above - below) / 2e-8).toBeCloseTo(Math.expm1(0.01), 6);
  });

  it('by k1 is the drop of the log-probability, which is also the approximate KL that is shown', () => {
    expect(klStep(-1.25, -1.5, 'k1')).toBe(0.25);
    expect(klStep(-1.25, -1.5, 'k1')).toBe(0.25);
  });

  it('averages to the true KL of two Gaussians by either estimator', () => {
    // Old policy N(0, 1), new N(m, 1): KL = m²/2. Midpoint sum over the density of the old one.
    const m = 0.3;
    const sums = { k1: 0, k3: 0 };
    const h = 0.001;
    for (let x = -9 + h / 2; x < 9; x += h) {
      const density = Math.exp((-x * x) / 2) / Math.sqrt(2 * Math.PI);
      for (const estimator of ['k1', 'k3'] as const) {
        sums[estimator] += h * density * klStep((-x * x) / 2, -((x - m) ** 2) / 2, estimator);
      }
    }
    expect(sums.k1).toBeCloseTo(m ** 2 / 2, 9);
    expect(sums.k3).toBeCloseTo(m ** 2 / 2, 9);
  });
});

it('the anchor KL scale is 1/(2(s² + 1e-6)), finite even without noise', () => {
  expect(klAnchorScale(0.5)).toBe(1 / (2 * (0.25 + 1e-6)));
  expect(klAnchorScale(0)).toBe(5e5);
});
