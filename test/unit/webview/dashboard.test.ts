import { describe, expect, test } from 'vitest';
import { keepChoices, type Choice } from '../../../webview/choices.ts';
import { configEntries, configValue, valueText } from '../../../webview/dashboard/config-values.ts';
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
