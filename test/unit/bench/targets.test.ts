import { describe, expect, it } from 'vitest';
import { judgeTargets, withTable } from '../../bench/targets.ts';

const exact = (value: number) => ({ median: value, min: value, max: value });
const update = {
  samples: 32,
  threads: 2,
  rounds: 1,
  torch: '2',
  milliseconds: { onnxruntime: 100, eager: 210, compile: 130 },
  ratios: { eager: exact(2.1), compile: exact(1.1) },
  gradientDifference: 1e-7,
  notRun: {},
};
const nothing = { update: null, overhead: null, inspect: null, view: null, list: null, demo: null };

describe('targets', () => {
  it('are judged one by one', () => {
    expect(judgeTargets({ ...nothing, update }).map(({ met }) => met)).toEqual([true, false]);
  });

  it('count as missed when the two steps disagree about the gradient', () => {
    const different = { ...update, gradientDifference: 0.01 };
    expect(judgeTargets({ ...nothing, update: different }).map(({ met }) => met)).toEqual([false, false]);
  });

  it('are neither met nor missed where nothing could be measured', () => {
    const [eager] = judgeTargets({ ...nothing, update: 'no Python' });
    expect(eager).toMatchObject({ met: null, measured: 'not measured: no Python' });
  });

  it('hold a demo that failed against it', () => {
    const demo = { peakBytes: 5e8, wallSeconds: 100, exitCode: 1, iterations: null, result: '' };
    expect(judgeTargets({ ...nothing, demo }).map(({ met }) => met)).toEqual([false, false]);
  });
});

describe('estimates', () => {
  const ratio = (min: number, max: number) => ({ median: 1, min, max });
  const estimate = { setups: [], iteration: ratio(0.8, 1.2), evaluation: ratio(0.7, 1), run: ratio(1, 1.3) };

  it('are true when no setup takes a quarter more or less', () => {
    const judged = judgeTargets({ ...nothing, estimate: { ...estimate, memory: null } });
    expect(judged.map(({ met }) => met)).toEqual([true, false, false, null]);
  });
});

describe('the table', () => {
  it('replaces what stands between its markers and nothing else', () => {
    const document = 'before\n<!-- bench -->\nold\n<!-- /bench -->\nafter\n';
    const once = withTable(document, 'new');
    expect(once).toBe('before\n<!-- bench -->\n\nnew\n\n<!-- /bench -->\nafter\n');
    expect(withTable(once, 'new')).toBe(once);
  });
});
