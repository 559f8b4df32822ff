import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  excessEnergy,
  exploredSteps,
  kernelTable,
  preciseVariance,
  type KernelName,
  type KernelOptions,
} from '../../../engine/method/kernels.ts';
import { sigmaSchedule } from '../../../engine/method/schedule.ts';
import { between, noisyKernel, sigmaMax, validSchedule } from './arbitrary.ts';
import { faultOf } from './expect-fault.ts';

const usual: KernelOptions = { kernel: 'sage', steps: 10, shift: 3, eta: 0.5 };

/** Simpson's rule on `η²σ/(1−σ)`. */
function integral(from: number, to: number, eta: number): number {
  const f = (sigma: number): number => (eta * eta * sigma) / (1 - sigma);
  const parts = 20_000;
  const h = (to - from) / parts;
  let sum = f(from) + f(to);
  for (let i = 1; i < parts; i++) sum += (i % 2 === 1 ? 4 : 2) * f(from + i * h);
  return (sum * h) / 3;
}

describe('the precise variance', () => {
  it('is positive and finite at every step of every valid schedule', () => {
    fc.assert(
      fc.property(validSchedule, between(1e-6, 100), ({ steps, shift }, eta) => {
        const sigmas = sigmaSchedule(steps, shift);
        for (let k = 0; k < steps; k++) {
          const variance = preciseVariance(sigmas[k], sigmas[k + 1], eta, sigmaMax);
          expect(variance).toBeGreaterThan(0);
          expect(variance).toBeLessThan(Infinity);
        }
      }),
    );
  });

  it('is the integral of the diffusion coefficient over the step', () => {
    const sigmas = sigmaSchedule(20, 5);
    for (let k = 1; k < 20; k++) {
      const exact = integral(sigmas[k + 1], sigmas[k], 0.5);
      expect(preciseVariance(sigmas[k], sigmas[k + 1], 0.5, sigmaMax) / exact).toBeCloseTo(1, 10);
    }
  });

  it('keeps its digits where sigma is small', () => {
    // ∫σ/(1−σ) = (σ²−τ²)/2 + (σ³−τ³)/3 + …
    const exact = (3e-12 - 0) / 2 + 7e-18 / 3 + 15e-24 / 4;
    expect(preciseVariance(2e-6, 1e-6, 1, sigmaMax) / exact).toBeCloseTo(1, 12);
  });

  it('clamped at both ends is the integral below sigma_max, and nothing above it', () => {
    expect(preciseVariance(1, 0.95, 0.5, sigmaMax, true) / integral(0.95, sigmaMax, 0.5)).toBeCloseTo(1, 8);
    expect(preciseVariance(1, 0.998, 0.5, sigmaMax, true)).toBe(0);
    expect(preciseVariance(0.9, 0.8, 0.5, sigmaMax, true)).toBe(preciseVariance(0.9, 0.8, 0.5, sigmaMax));
  });
});

describe('energy', () => {
  it('of sage never exceeds that of flow_grpo where sigma is at most sigma_max', () => {
    fc.assert(
      fc.property(validSchedule, between(0.01, 2), ({ steps, shift }, eta) => {
        const [sage, flow] = (['sage', 'flow_grpo'] as const).map(
          (kernel) => kernelTable({ kernel, steps, shift, eta, lastStep: 'noise' }).steps,
        );
        for (let k = 0; k < steps; k++) {
          if (sage[k].sigma <= sigmaMax) expect(sage[k].s).toBeLessThanOrEqual(flow[k].s * (1 + 1e-12));
        }
      }),
    );
  });

  it('of the released first step is larger for sage, as the clamp makes it', () => {
    const at = (kernel: KernelName): number => kernelTable({ kernel, steps: 20, shift: 5, eta: 0.5 }).steps[0].s;
    expect(at('sage')).toBeGreaterThan(at('flow_grpo'));
  });

  it('in excess is 1 for sage, above 1 for flow_grpo past the first step, and null where nothing is explored', () => {
    const sage = excessEnergy(kernelTable(usual));
    sage.slice(0, -1).forEach((excess) => expect(excess).toBeCloseTo(1, 12));
    expect(sage.at(-1)).toBeNull();
    const flow = excessEnergy(kernelTable({ ...usual, kernel: 'flow_grpo' }));
    flow.slice(1, -1).forEach((excess) => expect(excess).toBeGreaterThan(1));
    expect(excessEnergy(kernelTable({ ...usual, kernel: 'ode' }))).toEqual(new Array(10).fill(null));
  });

  it('in excess is undefined where the true variance is', () => {
    const flow = excessEnergy(kernelTable({ ...usual, kernel: 'flow_grpo', steps: 70, shift: 5 }));
    expect(flow[0]).toBeNull();
    expect(flow[1]).toBeGreaterThan(0);
  });
});

describe('every kernel', () => {
  it('has the mean of the ode step as eta goes to 0', () => {
    fc.assert(
      fc.property(noisyKernel, validSchedule, (kernel, { steps, shift }) => {
        const rows = kernelTable({ kernel, steps, shift, eta: 1e-7, lastStep: 'noise' }).steps;
        const ode = kernelTable({ kernel: 'ode', steps, shift, eta: 0 }).steps;
        rows.forEach(({ a, b, s }, k) => {
          expect(Math.abs(a - ode[k].a)).toBeLessThan(1e-9);
          expect(Math.abs(b - ode[k].b)).toBeLessThan(1e-9);
          expect(s).toBeLessThan(1e-4);
        });
      }),
    );
  });

  it('adds half its variance times the score to the ode step, if it is Gaussian', () => {
    const kernel = fc.constantFrom<KernelName>('sage', 'flow_grpo', 'dance_grpo');
    fc.assert(
      fc.property(kernel, validSchedule, between(0.05, 1), between(-3, 3), between(-3, 3), (name, o, eta, x, v) => {
        const table = kernelTable({ ...o, kernel: name, eta, lastStep: 'noise' });
        for (const { a, b, s, sigma, sigmaNext } of table.steps) {
          const score = -(x + (1 - sigma) * v) / sigma;
          const expected = x - (sigma - sigmaNext) * v + (s * s * score) / 2;
          expect(Math.abs(a * x + b * v - expected)).toBeLessThan(1e-9 * (1 + (s * s) / sigma));
        }
      }),
    );
  });

  it('of coefficients-preserving sampling keeps the noise level: the clean part, the kept and the fresh noise add up', () => {
    fc.assert(
      fc.property(validSchedule, between(0.01, 1), (o, eta) => {
        for (const { a, b, s, sigma, sigmaNext } of kernelTable({ ...o, kernel: 'cps', eta }).steps.slice(0, -1)) {
          // On x = (1−σ)·x0 + σ·ε, v = ε − x0: coefficients of x0 and of noise after the step.
          expect(a * (1 - sigma) - b).toBeCloseTo(1 - sigmaNext, 12);
          expect(Math.hypot(a * sigma + b, s)).toBeCloseTo(sigmaNext, 12);
        }
      }),
    );
  });

  it('ends in the ode step by default, and in noise where asked', () => {
    for (const kernel of ['sage', 'flow_grpo', 'dance_grpo'] as const) {
      const last = kernelTable({ ...usual, kernel }).steps[9];
      expect(last).toMatchObject({ a: 1, b: -last.sigma, s: 0, explored: false });
      expect(kernelTable({ ...usual, kernel, lastStep: 'noise' }).steps[9].s).toBeGreaterThan(0);
    }
    const cps = kernelTable({ ...usual, kernel: 'cps', lastStep: 'noise' }).steps[9];
    expect(cps).toMatchObject({ s: 0, explored: false });
  });

  it('is the ode outside its window', () => {
    fc.assert(
      fc.property(noisyKernel, fc.nat(9), fc.nat(9), (kernel, i, j) => {
        const window = { first: Math.min(i, j), last: Math.max(i, j) };
        const whole = kernelTable({ ...usual, kernel }).steps;
        const windowed = kernelTable({ ...usual, kernel, window });
        const ode = kernelTable({ ...usual, kernel: 'ode' }).steps;
        windowed.steps.forEach((step, k) =>
          expect(step).toEqual(k >= window.first && k <= window.last ? whole[k] : ode[k]),
        );
        exploredSteps(windowed).forEach((k) => expect(k >= window.first && k <= window.last).toBe(true));
      }),
    );
  });

  it('survives JSON unchanged', () => {
    const table = kernelTable(usual);
    expect(JSON.parse(JSON.stringify(table))).toEqual(table);
  });
});

describe('clamping both ends', () => {
  const options: KernelOptions = { ...usual, steps: 200, shift: 5, clampBothEnds: true };

  it('accepts schedules that start above sigma_max and explores only where they come below', () => {
    const table = kernelTable(options);
    const explored = exploredSteps(table);
    expect(explored[0]).toBeGreaterThan(0);
    table.steps.slice(0, -1).forEach((step, k) => {
      expect(explored.includes(k)).toBe(step.sigmaNext < sigmaMax);
      if (step.sigmaNext >= sigmaMax) expect(step).toMatchObject({ a: 1, b: -(step.sigma - step.sigmaNext), s: 0 });
    });
    explored.forEach((k) => expect(excessEnergy(table)[k]).toBeCloseTo(1, 12));
  });

  it('changes no step that starts at or below sigma_max', () => {
    const both = kernelTable({ ...options, steps: 20 }).steps.slice(1);
    expect(both).toEqual(kernelTable({ ...options, steps: 20, clampBothEnds: false }).steps.slice(1));
  });
});

describe('invalid input is named with the nearest valid value', () => {
  it.each([
    ['sage', 0],
    ['sage', -0.5],
    ['sage', NaN],
    ['flow_grpo', Infinity],
    ['cps', 0],
    ['cps', 1.5],
    ['ode', -1],
  ] as const)('%s with eta %s', (kernel, eta) => {
    const { key, value, nearest } = faultOf(() => kernelTable({ ...usual, kernel, eta }));
    expect({ key, value }).toEqual({ key: 'exploration.eta', value: eta });
    expect(kernelTable({ ...usual, kernel, eta: nearest as number }).kernel).toBe(kernel);
  });

  it('cps takes eta up to exactly 1', () => {
    expect(faultOf(() => kernelTable({ ...usual, kernel: 'cps', eta: 1.01 })).nearest).toBe(1);
    expect(kernelTable({ ...usual, kernel: 'cps', eta: 1 }).steps[0].explored).toBe(true);
  });

  it.each([
    [
      { first: 3, last: 10 },
      { first: 3, last: 9 },
    ],
    [
      { first: -1, last: 4 },
      { first: 0, last: 4 },
    ],
    [
      { first: 12, last: 14 },
      { first: 9, last: 9 },
    ],
    [
      { first: 6, last: 2 },
      { first: 6, last: 6 },
    ],
    [
      { first: 0.4, last: NaN },
      { first: 0, last: 9 },
    ],
  ])('window %o', (window, nearest) => {
    const fault = faultOf(() => kernelTable({ ...usual, window }));
    expect(fault).toMatchObject({ key: 'exploration.window', value: window, nearest });
  });

  it('an unknown kernel', () => {
    const kernel = 'sde' as KernelName;
    expect(faultOf(() => kernelTable({ ...usual, kernel }))).toMatchObject({ key: 'exploration.kernel', value: 'sde' });
  });
});
