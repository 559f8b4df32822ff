import { describe, expect, it } from 'vitest';
import type { VideoEntry } from '../../../engine/protocol.ts';
import { groupAdvantages } from '../../../engine/method/advantages.ts';
import {
  counterpartOf,
  groupsOf,
  iterationsWith,
  nearest,
  statisticsOf,
} from '../../../webview/dashboard/rollouts/groups.ts';
import { layoutOf } from '../../../webview/dashboard/rollouts/layout.ts';

function video(prompt: number, generation: number, reward: number | null, iteration = 10): VideoEntry {
  return {
    ...{
      file: `p${prompt}-g${generation}.mp4`,
      poster: '',
      prompt: `prompt ${prompt}`,
      promptIndex: prompt,
      generation,
    },
    seedKey: { seed: 42, stream: 0, iteration, prompt, generation },
    ...{ reward, components: null, advantage: null, distance: null },
  };
}

describe('groups of rollouts', () => {
  const videos = [video(1, 1, 0.2), video(0, 0, 0.5), video(1, 0, 0.9), video(0, 2, null), video(0, 1, 0.7)];

  it('are in the order of prompts, with generations by number or by reward', () => {
    const files = (order: 'generation' | 'reward') =>
      groupsOf({ videos }, order).map((group) => group.videos.map(({ file }) => file.slice(0, 5)));
    expect(files('generation')).toEqual([
      ['p0-g0', 'p0-g1', 'p0-g2'],
      ['p1-g0', 'p1-g1'],
    ]);
    expect(files('reward')).toEqual([
      ['p0-g1', 'p0-g0', 'p0-g2'],
      ['p1-g0', 'p1-g1'],
    ]);
  });

  it('keep groups of the same prompt apart', () => {
    const twice = [video(0, 0, 1), { ...video(1, 0, 1), prompt: 'prompt 0', promptIndex: 0 }];
    expect(groupsOf({ videos: twice }, 'reward')).toHaveLength(2);
  });

  it.each([[[0.5, 0.7, null]], [[0.5, 0.5, 0.5]], [[0.4, null]], [[null, null]], [[1, 1 + 1e-9]], [[0, 3, 1, 2]]])(
    'have the statistics that training used: %j',
    (rewards) => {
      const { means, stds, deadGroups } = groupAdvantages([rewards], 5);
      const { mean, std, dead } = statisticsOf(rewards);
      if (means[0] === null) expect([mean, std]).toEqual([null, null]);
      else {
        expect(mean).toBeCloseTo(means[0], 12);
        expect(std).toBeCloseTo(stds[0]!, 12);
      }
      expect(Number(dead)).toBe(deadGroups);
    },
  );
});

describe('a video of another iteration', () => {
  it('is that of the same prompt and generation, and says whether the noise was the same', () => {
    const others = [video(0, 0, 1, 20), { ...video(3, 1, 1, 20), prompt: 'prompt 0' }];
    expect(counterpartOf(video(0, 1, 1), others)).toEqual({ video: others[1], sameSeed: false });
    expect(counterpartOf(video(0, 0, 1, 20), others)).toEqual({ video: others[0], sameSeed: true });
    expect(counterpartOf(video(7, 0, 1), others)).toBeNull();
  });
});

describe('iterations with videos', () => {
  it('are each listed once, in order, where there are videos', () => {
    const written = [
      { kind: 'rollouts', iteration: 20, videos: 8 },
      { kind: 'rollouts', iteration: 10, videos: 8 },
      { kind: 'rollouts', iteration: 20, videos: 8 },
      { kind: 'rollouts', iteration: 30, videos: 0 },
      { kind: 'evaluation', iteration: 5, videos: 8 },
    ];
    expect(iterationsWith(written, 'rollouts')).toEqual([10, 20]);
    expect(nearest([1, 10, 20], 14)).toBe(10);
    expect(nearest([1, 10, 20], 16)).toBe(20);
  });
});

describe('cards', () => {
  it('lie all beside each other where there is room, else in rows of equal length', () => {
    expect(layoutOf(1248, 8, 118).columns).toBe(8);
    expect(layoutOf(900, 8, 118).columns).toBe(4);
    expect(layoutOf(448, 8, 118).columns).toBe(3);
    expect(layoutOf(448, 2, 118)).toEqual({ columns: 2, group: 244 });
    expect(layoutOf(0, 8, 118).columns).toBe(1);
  });
});
