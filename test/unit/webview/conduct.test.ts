import { describe, expect, it } from 'vitest';
import { conduct, type Member } from '../../../webview/media/conduct.ts';
import { framesOfStrip } from '../../../webview/media/strip-frames.ts';

const frame = 0.125;
const at = (time: number, more: Partial<Member> = {}): Member => ({ time, ended: false, absent: false, ...more });

/** Lets players of different speeds play as told; gives how far they were apart at most. */
function perform(speeds: readonly number[], seconds: number): number {
  const step = 1 / 60;
  const members = speeds.map(() => at(0));
  let clock = 0;
  let worst = 0;
  for (let now = 0; now < seconds; now += step) {
    const { time, orders } = conduct(members, frame, clock);
    clock = Math.max(clock, time ?? 0);
    orders.forEach((order, i) => {
      const rate = order === 'play' ? 1 : order === 'slow' ? 0.7 : 0;
      members[i] = order === 'seek' ? at(clock) : at(members[i].time + rate * speeds[i] * step);
    });
    const times = members.map(({ time: own }) => own);
    worst = Math.max(worst, Math.max(...times) - Math.min(...times));
  }
  return worst;
}

describe('videos that are conducted', () => {
  it('stay within a frame of each other, however unequally fast they are', () => {
    expect(perform([1, 1, 1], 4)).toBeLessThan(1e-9);
    expect(perform([1, 0.9, 1.1, 0.5], 4)).toBeLessThan(frame);
    expect(perform([2, 0.3], 4)).toBeLessThan(frame);
  });

  it('wait for the slowest', () => {
    expect(conduct([at(0.5), at(0.55), at(0.6)], frame, 0.5)).toEqual({
      time: 0.5,
      orders: ['play', 'slow', 'hold'],
      ended: false,
    });
  });

  it('do not wait for one that cannot go on, and fetch it when it can', () => {
    expect(conduct([at(0, { absent: true }), at(0.5)], frame, 0.5).orders).toEqual(['rest', 'play']);
    expect(conduct([at(0), at(0.5)], frame, 0.5)).toEqual({ time: 0.5, orders: ['seek', 'play'], ended: false });
  });

  it('have ended when all have', () => {
    expect(conduct([at(1, { ended: true }), at(0.9)], frame, 0.9).ended).toBe(false);
    expect(conduct([at(1, { ended: true }), at(1, { ended: true })], frame, 1).ended).toBe(true);
    expect(conduct([], frame, 0)).toEqual({ time: null, orders: [], ended: false });
  });
});

describe('a strip of frames', () => {
  it('has all frames, or evenly spaced ones with the first and the last', () => {
    expect(framesOfStrip(8, 24)).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
    const some = framesOfStrip(81, 24);
    expect(some).toHaveLength(24);
    expect([some[0], some.at(-1)]).toEqual([0, 80]);
    expect(new Set(some).size).toBe(24);
  });
});
