import { describe, expect, test } from 'vitest';
import { keepChoices, type Choice } from '../../../webview/choices.ts';
import { configEntries, configValue, valueText } from '../../../webview/dashboard/config-values.ts';
import { shownBy } from '../../../webview/dashboard/checks.ts';
import { heldOutCharts } from '../../../webview/dashboard/lines-of.ts';
import { obstacle } from '../../../webview/dashboard/status.ts';

describe('choices', () => {
  test('are kept with every change, beside those that nobody asked for yet', () => {
    const kept: Record<string, Choice>[] = [];
    const { choice } = keepChoices({ tab: 'reward', other: 3 }, (choices) => kept.push(choices));
    const tab = choice('tab', 'health');
    expect(tab.value).toBe('reward');
    expect(choice('tab', 'health')).toBe(tab);
    tab.value = 'drift';
    expect(kept).toEqual([{ tab: 'drift', other: 3 }]);
  });

  test('what was kept of another type, or is no choice at all, is ignored', () => {
    for (const kept of [{ smoothing: '0.5' }, { smoothing: {} }, 'nonsense', null, undefined, [1]])
      expect(keepChoices(kept, () => {}).choice('smoothing', 0.2).value).toBe(0.2);
    expect(keepChoices({ constructor: 'x' }, () => {}).choice('toString', 'mine').value).toBe('mine');
  });
});

describe('metrics that are only watched', () => {
  const curve = (values: (number | null)[]) => ({ mean: values, min: values, max: values });
  const scalars = {
    reward: curve([1, 2]),
    'heldOut:clipscore': curve([27, 25]),
    'heldOut:pickscore': curve([20, null]),
  };
  const series = { first: [1, 2], last: [1, 2], scalars, steps: [], stepValues: {} };
  const evaluation = {
    ...{
      iteration: 2,
      reward: 2,
      rewardStd: 0.1,
      components: {},
      distance: null,
      videos: 4,
      unscored: 0,
      ceiling: null,
    },
    heldOut: { clipscore: 25.5 },
  };

  test('have a chart each, with the reward beside them and what evaluations measured', () => {
    const [clip, pick] = heldOutCharts({ series, smoothing: 0 }, [evaluation]);
    expect(clip).toMatchObject({ id: 'heldOut:clipscore', title: 'clipscore, held out', rightAxis: 'Reward' });
    expect(clip.lines.map(({ values, axis }) => [values, axis ?? 'left'])).toEqual([
      [[27, 25], 'left'],
      [[25.5], 'left'],
      [[1, 2], 'right'],
    ]);
    expect(pick.lines).toHaveLength(2);
    expect(heldOutCharts({ series: { ...series, scalars: { reward: curve([1, 2]) } }, smoothing: 0 }, [])).toEqual([]);
  });

  test('are where a finding leads that tells of one', () => {
    const title = 'The reward rises while the held-out clipscore gets worse: the policy may be exploiting the reward.';
    expect(shownBy('health/reward-hacking', Object.keys(scalars), title).chart).toBe('heldOut:clipscore');
    expect(shownBy('health/reward-hacking', Object.keys(scalars), 'The manifold distance gets worse').chart).toBe(
      'distance',
    );
    expect(shownBy('health/reward-flat', Object.keys(scalars), title).chart).toBe('reward');
  });
});

describe('actions', () => {
  const all = { trusted: true, connected: true, checkpoints: 1 };

  test('make sense in these states and no others', () => {
    const statuses = ['running', 'paused', 'stopped', 'finished', 'failed', 'crashed'] as const;
    const possible = (action: Parameters<typeof obstacle>[0]) =>
      statuses.filter((status) => obstacle(action, { ...all, status }) === null);
    expect(possible('pause')).toEqual(['running']);
    expect(possible('continue')).toEqual(['paused']);
    for (const action of ['checkpoint', 'stop', 'kill'] as const)
      expect(possible(action)).toEqual(['running', 'paused']);
    expect(possible('resume')).toEqual(['stopped', 'failed', 'crashed']);
    expect(possible('report')).toEqual([...statuses]);
  });

  test('that start or steer need trust, an engine, and a valid checkpoint to resume from', () => {
    const crashed = { ...all, status: 'crashed' as const };
    expect(obstacle('resume', { ...crashed, trusted: false })).toContain('Trust');
    expect(obstacle('resume', { ...crashed, connected: false })).toContain('engine');
    expect(obstacle('resume', { ...crashed, checkpoints: 0 })).toContain('no valid checkpoint');
    expect(obstacle('report', { ...crashed, trusted: false })).toContain('Trust');
    expect(obstacle('log', { ...crashed, trusted: false })).toBeNull();
  });

  test('a finished run can be resumed from an earlier checkpoint only', () => {
    expect(obstacle('resume', { ...all, status: 'finished' })).not.toBeNull();
    expect(obstacle('resume', { ...all, status: 'finished', from: 40 })).toBeNull();
  });
});

test('a config is listed by the keys that one writes', () => {
  const config = { name: 'x', policy: { model: 'shapes', weights: null }, prompts: ['a', 'b'] };
  expect(configEntries(config)).toEqual([
    { key: 'name', text: 'x' },
    { key: 'policy.model', text: 'shapes' },
    { key: 'policy.weights', text: 'null' },
    { key: 'prompts', text: '["a","b"]' },
  ]);
  expect(configValue(config, 'policy.model')).toBe('shapes');
  expect(valueText(configValue(config, 'policy.constructor'))).toBe('–');
});
