import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  analyticEqualizer,
  createMeasuredEqualizer,
  measuredEqualizer,
  updateMeasuredEqualizer,
  type MeasuredEqualizerState,
} from '../../../engine/method/equalizer.ts';
import { exploredSteps, kernelTable } from '../../../engine/method/kernels.ts';
import { outputGradientNorm } from '../../../engine/method/logprob.ts';
import { between, noisyKernel, validSchedule } from './arbitrary.ts';
import { faultOf } from './expect-fault.ts';

const table = kernelTable({ kernel: 'sage', steps: 6, shift: 3, eta: 0.5 });
const explored = exploredSteps(table);

/** The state after `times` observations of `norms[k]` at every explored step. */
function observed(state: MeasuredEqualizerState, norms: number[], times: number): MeasuredEqualizerState {
  for (let n = 0; n < times; n++) for (const k of explored) state = updateMeasuredEqualizer(state, k, norms[k]);
  return state;
}

describe('the analytic equalizer', () => {
  it('makes weight times N_k the same at every explored step', () => {
    fc.assert(
      fc.property(noisyKernel, validSchedule, between(0.05, 1), (kernel, o, eta) => {
        const random = kernelTable({ ...o, kernel, eta });
        const equalizer = analyticEqualizer(random);
        const products = exploredSteps(random).map((k) => equalizer[k]! * outputGradientNorm(random.steps[k])!);
        products.forEach((product) => expect(product / products[0]).toBeCloseTo(1, 12));
      }),
    );
  });

  it('gives the median step the weight 1 and unexplored steps none', () => {
    expect(explored).toHaveLength(5);
    const equalizer = analyticEqualizer(table);
    const weights = explored.map((k) => equalizer[k]!).toSorted((first, second) => first - second);
    expect(weights[2]).toBe(1);
    expect(equalizer[5]).toBeNull();
  });

  it('spans the 148-fold imbalance of the paper schedule', () => {
    const paper = kernelTable({ kernel: 'sage', steps: 20, shift: 5, eta: 0.5, lastStep: 'noise' });
    const weights = analyticEqualizer(paper).map((weight) => weight!);
    expect(Math.round(Math.max(...weights) / Math.min(...weights))).toBe(148);
  });
});

describe('the measured equalizer', () => {
  it('is the analytic one until every explored step is warm', () => {
    const norms = [1, 2, 3, 4, 5, 6];
    let state = observed(createMeasuredEqualizer(6), norms, 4);
    for (const k of explored.slice(1)) state = updateMeasuredEqualizer(state, k, norms[k]);
    expect(measuredEqualizer(state, table)).toEqual(analyticEqualizer(table));
    state = updateMeasuredEqualizer(state, explored[0], norms[0]);
    const expected = [3, 3 / 2, 1, 3 / 4, 3 / 5];
    explored.forEach((k) => expect(measuredEqualizer(state, table)[k]).toBeCloseTo(expected[k], 12));
    expect(measuredEqualizer(state, table)[5]).toBeNull();
  });

  it('flattens whatever norms were measured', () => {
    const measured = fc.array(between(1e-6, 1e3), { minLength: 6, maxLength: 6 });
    fc.assert(
      fc.property(measured, (norms) => {
        const equalizer = measuredEqualizer(observed(createMeasuredEqualizer(6), norms, 7), table);
        const products = explored.map((k) => equalizer[k]! * norms[k]);
        products.forEach((product) => expect(product / products[0]).toBeCloseTo(1, 9));
      }),
    );
  });

  it('follows a change of the norm by its decay once it has averaged 1/(1−decay) values', () => {
    let state = createMeasuredEqualizer(6, 0.9);
    for (let n = 0; n < 20; n++) state = updateMeasuredEqualizer(state, 0, 2);
    expect(updateMeasuredEqualizer(state, 0, 12).norms[0]).toBeCloseTo(0.9 * 2 + 0.1 * 12, 12);
    const young = updateMeasuredEqualizer(updateMeasuredEqualizer(createMeasuredEqualizer(6), 0, 2), 0, 12);
    expect(young.norms[0]).toBeCloseTo(7, 12);
  });

  it.each([0, -1, NaN, Infinity])('learns nothing from a norm of %s', (norm) => {
    const state = observed(createMeasuredEqualizer(6), [1, 1, 1, 1, 1, 1], 1);
    expect(updateMeasuredEqualizer(state, 2, norm)).toEqual(state);
  });

  it('continues from JSON as if it had never stopped, and leaves the old state alone', () => {
    const state = observed(createMeasuredEqualizer(6), [1.1, 2.7, 3, 0.4, 5, 6], 6);
    const copy = JSON.parse(JSON.stringify(state)) as MeasuredEqualizerState;
    expect(updateMeasuredEqualizer(copy, 1, 0.123)).toEqual(updateMeasuredEqualizer(state, 1, 0.123));
    expect(copy).toEqual(state);
  });

  it('refuses a decay, a warmup and a step outside their range', () => {
    expect(faultOf(() => createMeasuredEqualizer(6, 1)).key).toBe('equalizer.decay');
    expect(faultOf(() => createMeasuredEqualizer(6, 0.9, 0))).toMatchObject({ key: 'equalizer.warmup', nearest: 1 });
    expect(faultOf(() => updateMeasuredEqualizer(createMeasuredEqualizer(6), 6, 1))).toMatchObject({ nearest: 5 });
  });
});
