import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  anchorDue,
  createKlController,
  stepKlController,
  type KlControllerOptions,
  type KlControllerState,
} from '../../../engine/method/trust-region.ts';
import { between } from './arbitrary.ts';
import { faultOf } from './expect-fault.ts';

const options: KlControllerOptions = {
  controller: 'adaptive',
  initial: 1e-7,
  minimum: 1e-7,
  weight: 1e-5,
  target: 0.01,
  rampCalls: 100,
};

function after(kls: number[], o: KlControllerOptions): KlControllerState {
  return kls.reduce((state, kl) => stepKlController(state, kl, o), createKlController(o));
}

function repeated(kl: number, times: number): number[] {
  return new Array<number>(times).fill(kl);
}

describe('the anchor', () => {
  it('moves every interval updates, not before the first', () => {
    const due = Array.from({ length: 31 }, (_, updates) => updates).filter((u) => anchorDue(u, 'moving', 10));
    expect(due).toEqual([10, 20, 30]);
  });

  it('never moves when fixed or absent', () => {
    for (const mode of ['fixed', 'none'] as const) expect(anchorDue(10, mode, 10)).toBe(false);
  });

  it('needs an interval of at least one update', () => {
    expect(faultOf(() => anchorDue(3, 'moving', 0))).toMatchObject({
      key: 'trust_region.anchor.interval',
      value: 0,
      nearest: 1,
    });
  });
});

describe('the KL controller', () => {
  it('starts at the initial beta and ramps linearly to the weight', () => {
    expect(createKlController(options).beta).toBe(1e-7);
    expect(after(repeated(1, 50), options).beta).toBeCloseTo((1e-7 + 1e-5) / 2, 12);
    expect(after(repeated(1, 100), options).beta).toBe(1e-5);
    expect(createKlController({ ...options, rampCalls: 0 }).beta).toBe(1e-5);
  });

  it('adaptive lowers beta below half the target and raises it above one and a half', () => {
    const low = after([...repeated(0.01, 100), ...repeated(0, 20)], options);
    expect(low.beta).toBeLessThan(1e-5);
    const next = stepKlController(low, 0, options);
    expect(next.beta / low.beta).toBeCloseTo(0.9, 12);
    const rising = repeated(1, 1).reduce((state, kl) => stepKlController(state, kl, options), low);
    expect(rising.beta / low.beta).toBeCloseTo(1.1, 12);
  });

  it('released has the opposite sign', () => {
    const released = { ...options, controller: 'released' as const };
    const high = after([...repeated(0.01, 100), ...repeated(1, 5)], released);
    expect(high.beta).toBeCloseTo(1e-5 * 0.9 ** 5, 15);
    const cleared = repeated(0, 10).reduce((state, kl) => stepKlController(state, kl, released), high);
    expect(stepKlController(cleared, 0, released).beta / cleared.beta).toBeCloseTo(1.1, 12);
  });

  it('constant stays at the weight after the ramp, whatever the KL', () => {
    const constant = { ...options, controller: 'constant' as const };
    fc.assert(
      fc.property(fc.array(between(0, 1), { maxLength: 30 }), (kls) => {
        expect(after([...repeated(0, 100), ...kls], constant).beta).toBe(1e-5);
      }),
    );
  });

  it('rests while the mean of the last ten is near the target', () => {
    expect(after(repeated(0.01, 130), options).beta).toBe(1e-5);
    const settled = after([...repeated(0.01, 100), ...repeated(0, 10)], options);
    const back = repeated(0.01, 20).reduce((state, kl) => stepKlController(state, kl, options), settled);
    expect(stepKlController(back, 0.01, options).beta).toBe(back.beta);
  });

  it('never leaves [minimum, weight] after the ramp, for any KL', () => {
    const controller = fc.constantFrom('adaptive' as const, 'released' as const);
    fc.assert(
      fc.property(controller, fc.array(fc.double(), { maxLength: 200 }), (name, kls) => {
        const o = { ...options, controller: name, rampCalls: 3 };
        let state = after([0, 0, 0], o);
        for (const kl of kls) {
          state = stepKlController(state, kl, o);
          expect(state.beta).toBeGreaterThanOrEqual(o.minimum);
          expect(state.beta).toBeLessThanOrEqual(o.weight);
          expect(state.recent.length).toBeLessThanOrEqual(10);
        }
      }),
    );
  });

  it('continues from JSON as if it had never stopped', () => {
    const kls = Array.from({ length: 140 }, (_, i) => 0.01 + 0.02 * Math.sin(i));
    const stopped = JSON.parse(JSON.stringify(after(kls.slice(0, 117), options))) as KlControllerState;
    const resumed = kls.slice(117).reduce((state, kl) => stepKlController(state, kl, options), stopped);
    expect(resumed).toEqual(after(kls, options));
  });

  it('counts but does not remember a KL that is no number', () => {
    const state = after([0.01, NaN, 0.02], options);
    expect(state).toMatchObject({ calls: 3, recent: [0.01, 0.02] });
  });

  it('refuses a minimum above the weight and values out of range', () => {
    expect(faultOf(() => createKlController({ ...options, minimum: 1 }))).toMatchObject({ nearest: 1e-5 });
    expect(faultOf(() => createKlController({ ...options, weight: -1 })).key).toBe('trust_region.beta.weight');
    expect(faultOf(() => createKlController({ ...options, target: 0 })).key).toBe('trust_region.beta.target');
    expect(faultOf(() => createKlController({ ...options, rampCalls: 1.5 })).key).toBe('trust_region.beta.ramp_calls');
  });
});
