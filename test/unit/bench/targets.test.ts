import { describe, expect, it } from 'vitest';
import { growthOf, type Grown } from '../../bench/growth.ts';
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

  it('hold the dashboard against the tab that costs most', () => {
    const cost = (page: number) => ({ page, pageProcess: page, host: 0.01, engine: 0.08 });
    const tabs = { health: cost(0.01), reward: cost(0.02), gradients: cost(0.06), drift: cost(0.04) };
    const drawings = { health: 10, reward: 10, gradients: 6, drift: 9 };
    const live = { iterations: 2000, steps: 20, rate: 10, seconds: 5, tabs, drawings };
    const [page, host] = judgeTargets({ ...nothing, live });
    expect(page).toMatchObject({ met: false });
    expect(page.measured).toMatch(/^6\.00 % \(/);
    expect(host).toMatchObject({ met: true });
  });

  it('hold the most that was in use later against the most at first', () => {
    const at = (iterations: number, pageBytes: number): Grown => ({
      ...{ iterations, pageBytes, nodes: 800, listeners: 300, hostBytes: 3e7 },
    });
    const settled = [at(1000, 5e6), at(2000, 8e6), at(2500, 9e6), at(3000, 17e6), at(4000, 9.2e6)];
    const samples = [...settled, at(8500, 9.4e6), at(9000, 8.9e6), at(10_000, 9.3e6)];
    const [page, nodes] = [growthOf(samples, 'pageBytes'), growthOf(samples, 'nodes')];
    const growth = { iterations: 10_000, steps: 20, settled: 2000, samples, page, nodes, listeners: 1, host: 1 };
    expect(judgeTargets({ ...nothing, growth }).map(({ met }) => met)).toEqual([true, true]);
    const leaking = [...settled, at(8500, 11e6), at(9000, 11.2e6), at(10_000, 12e6)];
    const leak = { ...growth, samples: leaking, page: growthOf(leaking, 'pageBytes') };
    expect(judgeTargets({ ...nothing, growth: leak }).map(({ met }) => met)).toEqual([false, true]);
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
