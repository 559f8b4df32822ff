import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { kernelTable } from '../../../engine/method/kernels.ts';
import { maxSteps, sigmaSchedule } from '../../../engine/method/schedule.ts';
import { preciseVariance } from '../../../engine/method/variance.ts';
import { between, sigmaMax, validSchedule } from './arbitrary.ts';
import { faultOf } from './expect-fault.ts';

describe('the schedule', () => {
  it('falls strictly from exactly 1 to exactly 0 in T steps', () => {
    fc.assert(
      fc.property(validSchedule, ({ steps, shift }) => {
        const sigmas = sigmaSchedule(steps, shift);
        expect(sigmas).toHaveLength(steps + 1);
        expect([sigmas[0], sigmas[steps]]).toEqual([1, 0]);
        const falling = sigmas.every((sigma, k) => k === 0 || sigma < sigmas[k - 1]);
        expect(falling).toBe(true);
      }),
    );
  });

  it('is uniform at shift 1', () => {
    expect(sigmaSchedule(4, 1)).toEqual([1, 0.75, 0.5, 0.25, 0]);
  });

  it.each([0, -3, 2.5, NaN, Infinity, 10_001])('refuses %s steps', (steps) => {
    const { key, value, nearest } = faultOf(() => sigmaSchedule(steps, 3));
    expect({ key, value }).toEqual({ key: 'sampling.steps', value: steps });
    expect(sigmaSchedule(nearest as number, 3)).toHaveLength((nearest as number) + 1);
  });

  it.each([0, -1, NaN, Infinity, -Infinity])('refuses shift %s', (shift) => {
    const { key, value, nearest } = faultOf(() => sigmaSchedule(10, shift));
    expect({ key, value }).toEqual({ key: 'sampling.shift', value: shift });
    expect(sigmaSchedule(10, nearest as number)).toHaveLength(11);
  });
});

describe('the largest number of steps', () => {
  it.each([
    [5, 67],
    [7, 48],
    [9, 37],
  ])('at shift %d is %d, one below the first that the reference rejects', (shift, largest) => {
    expect(maxSteps(shift, 0.997)).toBe(largest);
  });

  it('is where the precise variance of the first step is last positive', () => {
    fc.assert(
      fc.property(between(0.05, 30), between(0.64, 0.998), (shift, sigmaMaximum) => {
        const largest = maxSteps(shift, sigmaMaximum);
        const first = (steps: number): number => preciseVariance(1, sigmaSchedule(steps, shift)[1], 0.5, sigmaMaximum);
        expect(first(largest)).toBeGreaterThan(0);
        expect(first(largest + 1)).toBeLessThanOrEqual(0);
      }),
      { examples: [[5, sigmaMax]] },
    );
  });

  it('is named when T exceeds it, with the exact fix', () => {
    const fault = faultOf(() => kernelTable({ kernel: 'sage', steps: 68, shift: 5, eta: 0.5 }));
    expect(fault).toMatchObject({ code: 'steps-too-many', key: 'sampling.steps', value: 68, nearest: 67 });
    expect(fault.message).toMatch(/largest valid .* is 67/);
    expect(fault.message).toContain('clamp_both_ends: true');
    expect(fault.alternatives?.join()).toContain('clamp_both_ends: true');
    expect(kernelTable({ kernel: 'sage', steps: 67, shift: 5, eta: 0.5 }).steps).toHaveLength(67);
  });

  it.each([Infinity, 20_000, 0, 2.5, NaN])('names a valid T for sage when T is %s', (steps) => {
    const { key, nearest } = faultOf(() => kernelTable({ kernel: 'sage', steps, shift: 5, eta: 0.5 }));
    expect(key).toBe('sampling.steps');
    expect(kernelTable({ kernel: 'sage', steps: nearest as number, shift: 5, eta: 0.5 }).steps).toHaveLength(
      nearest as number,
    );
  });

  it.each([0.5, 1, 2, NaN])('refuses sigma_max %s', (sigmaMaximum) => {
    const { key, nearest } = faultOf(() => maxSteps(5, sigmaMaximum));
    expect(key).toBe('exploration.sigma_max');
    expect(maxSteps(5, nearest as number)).toBeGreaterThan(0);
  });

  it('does not bind kernels that do not use the precise variance', () => {
    for (const kernel of ['flow_grpo', 'dance_grpo', 'cps', 'ode'] as const) {
      expect(kernelTable({ kernel, steps: 100, shift: 9, eta: 0.5 }).steps).toHaveLength(100);
    }
  });
});
