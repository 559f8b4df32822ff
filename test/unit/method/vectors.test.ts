import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { kernelTable, type KernelName } from '../../../engine/method/kernels.ts';
import { logProb, outputGradientNorm } from '../../../engine/method/logprob.ts';

interface Row {
  x: number[];
  v: number[];
  z: number[];
  mean: number[];
  std: number;
  next: number[];
  logprob: number | null;
  output_gradient_norm: number | null;
}
interface Case {
  kernel: KernelName;
  steps: number;
  shift: number;
  eta: number;
  sigma_max: number;
  sigmas: number[];
  rows: Row[];
}

const file = new URL('../../vectors/kernels.json', import.meta.url);
const { cases } = JSON.parse(readFileSync(file, 'utf8')) as { cases: Case[] };

function expectClose(actual: number[], expected: number[]): void {
  expect(actual).toHaveLength(expected.length);
  actual.forEach((value, i) => {
    expect(Math.abs(value - expected[i]), `[${i}] ${value} vs ${expected[i]}`).toBeLessThanOrEqual(
      1e-12 * Math.abs(expected[i]),
    );
  });
}

describe('the reference vectors are met to 1e-12 relative', () => {
  it('has a case for every kernel', () => {
    expect(new Set(cases.map(({ kernel }) => kernel))).toEqual(
      new Set(['sage', 'flow_grpo', 'dance_grpo', 'cps', 'ode']),
    );
  });

  it.each(cases)('$kernel, T $steps, shift $shift, eta $eta', (c) => {
    const table = kernelTable({
      kernel: c.kernel,
      steps: c.steps,
      shift: c.shift,
      eta: c.eta,
      sigmaMax: c.sigma_max,
      lastStep: 'noise',
    });
    expectClose(table.sigmas, c.sigmas);
    expect(table.steps).toHaveLength(c.rows.length);
    c.rows.forEach((row, k) => {
      const { a, b, s } = table.steps[k];
      const mean = row.x.map((x, i) => a * x + b * row.v[i]);
      const next = mean.map((m, i) => m + s * row.z[i]);
      expectClose(mean, row.mean);
      expectClose(next, row.next);
      expectClose([s], [row.std]);
      expectNullable(outputGradientNorm(table.steps[k]), row.output_gradient_norm);
      if (row.logprob === null) return expect(table.steps[k].explored).toBe(false);
      // The residual of the vectors' own draw; theirs is rounded, ours must not add to it.
      const mse = row.next.reduce((sum, x, i) => sum + (x - row.mean[i]) ** 2, 0) / row.next.length;
      expectClose([logProb(table, k, mse)], [row.logprob]);
    });
  });
});

function expectNullable(actual: number | null, expected: number | null): void {
  if (actual === null || expected === null) expect(actual).toBe(expected);
  else expectClose([actual], [expected]);
}
