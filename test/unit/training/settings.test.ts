import { describe, expect, it } from 'vitest';
import { checkText } from '../../../engine/config/load.ts';
import type { Config } from '../../../engine/config/schema.ts';
import { learningRate, totalReward } from '../../../engine/training/settings.ts';

function configOf(text: string): Config {
  const { config, diagnostics } = checkText(text);
  if (!config) throw new Error(JSON.stringify(diagnostics));
  return config;
}

describe('the learning rate', () => {
  const at = (schedule: string) => {
    const config = configOf(`training: {iterations: 10, learning_rate: 1.0e-3, learning_rate_schedule: ${schedule}}`);
    return [1, 6, 10].map((iteration) => learningRate(config, iteration));
  };

  it('stays as it is written by default', () => {
    expect(at('constant')).toEqual([1e-3, 1e-3, 1e-3]);
  });

  it('falls evenly or along a cosine, begins at the written value and never reaches 0 before the end', () => {
    const [first, middle, last] = at('linear');
    expect(first).toBe(1e-3);
    expect(middle).toBeCloseTo(0.5e-3, 12);
    expect(last).toBeCloseTo(0.1e-3, 12);
    const cosine = at('cosine');
    expect(cosine[0]).toBe(1e-3);
    expect(cosine[1]).toBeCloseTo(0.5e-3, 12);
    expect(cosine[2]).toBeCloseTo(0.5e-3 * (1 - Math.cos(0.1 * Math.PI)), 12);
  });
});

describe('the reward of a video', () => {
  const config = configOf('reward: {weights: {VQ: 0.5, MQ: 0, TA: 2}}');

  it('is the weighted sum of its components', () => {
    const score = { scored: true, components: { VQ: 0.4, MQ: 0.9, TA: 0.25 }, distance: null } as const;
    expect(totalReward(config, score)).toBeCloseTo(0.7, 12);
  });

  it('is no number when the video could not be scored', () => {
    expect(totalReward(config, { scored: false, reason: 'broken' })).toBeNull();
  });
});
