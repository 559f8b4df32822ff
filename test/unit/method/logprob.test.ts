import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { exploredSteps, kernelTable, type KernelName } from '../../../engine/method/kernels.ts';
import { logProb, logProbCoefficients, outputGradientNorm } from '../../../engine/method/logprob.ts';
import { between, validSchedule } from './arbitrary.ts';
import { faultOf } from './expect-fault.ts';

const gaussian = fc.constantFrom<KernelName>('sage', 'flow_grpo', 'dance_grpo');

/** ℓ of one step as a function of the velocity, by the definition. */
function lineOf(table: ReturnType<typeof kernelTable>, k: number, x: number[], next: number[]) {
  const { a, b } = table.steps[k];
  return (v: number[]): number =>
    logProb(table, k, next.reduce((sum, value, i) => sum + (value - a * x[i] - b * v[i]) ** 2, 0) / next.length);
}

describe('the log-probability', () => {
  it('of a Gaussian kernel is the mean log density of the normal distribution', () => {
    fc.assert(
      fc.property(gaussian, validSchedule, between(0.1, 1), between(-4, 4), (kernel, o, eta, residual) => {
        const table = kernelTable({ ...o, kernel, eta });
        for (const k of exploredSteps(table)) {
          const { s } = table.steps[k];
          const density = Math.exp(-((residual / s) ** 2) / 2) / (s * Math.sqrt(2 * Math.PI));
          if (density > 1e-290) expect(logProb(table, k, residual ** 2)).toBeCloseTo(Math.log(density), 8);
        }
      }),
    );
  });

  it('of cps is minus the mean square', () => {
    const table = kernelTable({ kernel: 'cps', steps: 10, shift: 3, eta: 0.5 });
    expect(logProbCoefficients(table, 4)).toEqual({ scale: 1, offset: 0 });
    expect(logProb(table, 4, 0.3)).toBe(-0.3);
  });

  it('has a gradient in the velocity of N_k per element of noise', () => {
    fc.assert(
      fc.property(gaussian, fc.nat(18), fc.array(between(-2, 2), { minLength: 4, maxLength: 4 }), (kernel, k, z) => {
        const table = kernelTable({ kernel, steps: 20, shift: 5, eta: 0.5 });
        const { a, b, s } = table.steps[k];
        const x = [0.3, -1.2, 0.8, 0.1];
        const v = [-0.5, 0.2, 1.1, -0.9];
        const next = x.map((value, i) => a * value + b * v[i] + s * z[i]);
        const line = lineOf(table, k, x, next);
        // ℓ is quadratic in v, so a central difference is exact up to rounding.
        const gradient = (line(v.with(0, v[0] + 0.1)) - line(v.with(0, v[0] - 0.1))) / 0.2;
        expect(Math.abs(gradient)).toBeCloseTo((outputGradientNorm(table.steps[k])! * Math.abs(z[0])) / 4, 8);
      }),
    );
  });

  it('is refused where the step draws no noise, naming the nearest step that does', () => {
    const table = kernelTable({ kernel: 'sage', steps: 10, shift: 3, eta: 0.5, window: { first: 2, last: 6 } });
    expect(faultOf(() => logProb(table, 9, 1))).toMatchObject({ code: 'step-not-explored', value: 9, nearest: 6 });
    expect(faultOf(() => logProb(table, 0, 1))).toMatchObject({ nearest: 2 });
    const ode = kernelTable({ kernel: 'ode', steps: 10, shift: 3, eta: 0 });
    expect(faultOf(() => logProb(ode, 0, 1))).toMatchObject({ nearest: null });
  });
});
