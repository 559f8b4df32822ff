import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { groupAdvantages } from '../../../engine/method/advantages.ts';
import { between } from './arbitrary.ts';
import { faultOf } from './expect-fault.ts';

const reward = fc.option(between(-10, 10), { freq: 5, nil: null });
const rewards_P_G = fc
  .integer({ min: 2, max: 12 })
  .chain((G) => fc.array(fc.array(reward, { minLength: G, maxLength: G }), { minLength: 1, maxLength: 6 }));

function scored(values: (number | null)[]): number[] {
  return values.filter((value) => value !== null);
}

describe('group advantages', () => {
  it('have mean 0 and, in a group that teaches, standard deviation 1', () => {
    fc.assert(
      fc.property(rewards_P_G, (rewards) => {
        const { advantages, stds } = groupAdvantages(rewards, 1e6);
        advantages.forEach((group, p) => {
          const values = scored(group);
          if (values.length === 0) return;
          const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
          const square = values.reduce((sum, value) => sum + value * value, 0) / values.length;
          expect(mean).toBeCloseTo(0, 8);
          expect(square).toBeCloseTo(stds[p]! < 1e-6 ? 0 : 1, 6);
        });
      }),
    );
  });

  it('never exceed the clip', () => {
    fc.assert(
      fc.property(rewards_P_G, between(0.1, 3), (rewards, clip) => {
        for (const value of groupAdvantages(rewards, clip).advantages.flatMap(scored)) {
          expect(Math.abs(value)).toBeLessThanOrEqual(clip);
        }
      }),
    );
  });

  it('do not change when a group is shifted or scaled', () => {
    const { advantages } = groupAdvantages(
      [
        [1, 2, 4],
        [103, 106, 112],
      ],
      5,
    );
    advantages[0].forEach((value, i) => expect(advantages[1][i]).toBeCloseTo(value!, 12));
  });

  it('are the deviation over the population standard deviation', () => {
    expect(groupAdvantages([[1, 3]], 5)).toEqual({
      advantages: [[-1, 1]],
      deadGroups: 0,
      unscored: 0,
      usableGroups: 1,
      means: [2],
      stds: [1],
    });
  });

  it('leave an unscored video out of its group', () => {
    expect(groupAdvantages([[1, null, 3]], 5)).toMatchObject({
      advantages: [[-1, null, 1]],
      unscored: 1,
      usableGroups: 1,
      means: [2],
    });
  });

  it('are 0 in a group whose rewards are equal up to rounding, which is counted as dead', () => {
    expect(
      groupAdvantages(
        [
          [0.1, 0.1, 0.1],
          [0.5, 0.5 + 1e-7, 0.5],
          [0, 1, 2],
        ],
        5,
      ),
    ).toMatchObject({
      advantages: [
        [0, 0, 0],
        [0, 0, 0],
        [expect.any(Number), 0, expect.any(Number)],
      ],
      deadGroups: 2,
      usableGroups: 3,
    });
  });

  it('say when no group can be used', () => {
    const result = groupAdvantages(
      [
        [null, 0.7],
        [null, null],
      ],
      5,
    );
    expect(result).toMatchObject({ usableGroups: 0, deadGroups: 2, unscored: 3, means: [0.7, null], stds: [0, null] });
    expect(result.advantages).toEqual([
      [null, 0],
      [null, null],
    ]);
  });

  it('refuse a group of one, a reward that is no number, and a clip that is not positive', () => {
    expect(faultOf(() => groupAdvantages([[0.3]], 5))).toMatchObject({
      key: 'rollout.generations',
      value: 1,
      nearest: 2,
    });
    expect(faultOf(() => groupAdvantages([[0.3, NaN]], 5))).toMatchObject({ code: 'reward-not-finite', value: NaN });
    expect(faultOf(() => groupAdvantages([[0.3, Infinity]], 5)).value).toBe(Infinity);
    expect(faultOf(() => groupAdvantages([[0.3, 0.4]], 0)).key).toBe('reward.advantage_clip');
  });
});
