import { appendFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { budgets, comparisonRuns, isMain, kernels, setupKey, tuningRuns } from '../../bench/study-design.ts';
import { appendRecord, outcomeOf, readRecords, resultsOf, tunedEtas } from '../../bench/study-records.ts';
import type { StudyOutcome, StudyResult } from '../../bench/study-records.ts';
import { cellsOf, factorTable, mainTable } from '../../bench/study-tables.ts';
import { ticks } from '../../bench/chart.ts';
import { evaluationEvent, iterationEvent } from '../run/sample-run.ts';
import type { EventOf, RunEvent } from '../../../engine/run/events.ts';

const etas = { sage: 0.5, flow_grpo: 0.3, dance_grpo: 0.3, cps: 0.8 };
const tuning = tuningRuns(budgets.small, 'start');
const comparison = comparisonRuns(budgets.small, 'start', etas);

const outcome = (reward: number): StudyOutcome => ({
  first: { reward: 0.5, components: { VQ: 0.5 }, distance: 0.2 },
  last: { reward, components: { VQ: reward }, distance: 0.1 },
  ceiling: null,
  rolloutDistance: 0.15,
  imbalanceRaw: 12,
  imbalanceEqualized: 1.5,
  gradientNormByStep: { raw: [1, 12], equalized: [1, 1.5] },
  rewardCurve: [0.5, reward],
  distanceCurve: [0.2, 0.1],
  skippedUpdates: 0,
  seconds: 10,
});

describe('the design', () => {
  it('gives every run the same budget and tunes on seeds of its own', () => {
    const spent = [...tuning, ...comparison].map((s) => `${s.iterations} ${s.prompts} ${s.generations} ${s.steps}`);
    expect(new Set(spent).size).toBe(1);
    const compared = new Set(comparison.map(({ seed }) => seed));
    expect(tuning.some(({ seed }) => compared.has(seed))).toBe(false);
  });

  it('holds all 32 cells once a seed, the main ones first and with at least 5 seeds', () => {
    expect(new Set(comparison.map(setupKey)).size).toBe(comparison.length);
    const cells = Map.groupBy(comparison, (s) => `${s.kernel} ${s.equalizer} ${s.trustRegion}`);
    expect(cells.size).toBe(32);
    const main = comparison.filter(isMain);
    expect(main.length).toBeGreaterThanOrEqual(5 * kernels.length);
    expect(comparison.slice(0, main.length)).toEqual(main);
  });
});

describe('the results file', () => {
  it('keeps what a killed study wrote and goes on after its torn last line', () => {
    const folder = mkdtempSync(path.join(os.tmpdir(), 'sage-study-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const file = path.join(folder, 'results', 'study.jsonl');
    expect(readRecords(file)).toEqual([]);
    appendRecord(file, { setup: tuning[0], outcome: outcome(0.6) });
    appendFileSync(file, '{"setup":{"phase":"tu');
    expect(readRecords(file)).toHaveLength(1);
    appendRecord(file, { setup: tuning[1], failed: 'killed' });
    expect(readRecords(file).map(({ setup }) => setupKey(setup))).toEqual(tuning.slice(0, 2).map(setupKey));
    expect(readFileSync(file, 'utf8').endsWith('\n')).toBe(true);
    expect(resultsOf(readRecords(file))).toHaveLength(1);
  });

  it('names the line that is no record', () => {
    const folder = mkdtempSync(path.join(os.tmpdir(), 'sage-study-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const file = path.join(folder, 'study.jsonl');
    appendRecord(file, { setup: tuning[0], outcome: outcome(0.6) });
    appendFileSync(file, '{"setup":{}}\n');
    expect(() => readRecords(file)).toThrow('line 2');
  });
});

describe('what is kept of a run', () => {
  it('is its first and last evaluation and the medians of its gradient norms', () => {
    const bodies = [evaluationEvent(0, 0.4), iterationEvent(1), iterationEvent(2), evaluationEvent(2, 0.7)];
    const kept = outcomeOf(bodies as unknown as RunEvent[], 3);
    expect([kept.first.reward, kept.last.reward]).toEqual([0.4, 0.7]);
    // The sample's raw norms grow linearly over its 9 steps, its equalized ones are equal.
    expect(kept.imbalanceRaw).toBeCloseTo(9);
    expect(kept.imbalanceEqualized).toBeCloseTo(1);
    expect(kept.rewardCurve).toHaveLength(2);
  });

  it('has the gradient norm of each step at its own place when an iteration trains only some', () => {
    const only = (iteration: number, steps: number[]) => {
      const event = iterationEvent(iteration) as EventOf<'iteration'>;
      return { ...event, steps: event.steps.filter(({ k }) => steps.includes(k)) };
    };
    const bodies = [evaluationEvent(0, 0.4), only(1, [1, 4]), only(2, [4, 6]), evaluationEvent(2, 0.7)];
    const { raw } = outcomeOf(bodies as unknown as RunEvent[], 3).gradientNormByStep!;
    expect(raw.map((norm) => norm !== null)).toEqual([false, true, false, false, true, false, true]);
    const { steps } = iterationEvent(1) as EventOf<'iteration'>;
    expect(raw[1]).toBe(steps.find(({ k }) => k === 1)!.gradientNormRaw);
  });
});

describe('tuning', () => {
  it('takes the η with the best mean final reward, and the smaller of equals', () => {
    const grid: Record<string, number[]> = { '0.3': [0.6, 0.6], '0.5': [0.7, 0.5], '0.8': [0.2, 0.9] };
    const runs = Object.entries(grid).flatMap(([eta, rewards]) =>
      rewards.map((reward, i) => ({
        setup: { ...tuning[0], kernel: 'sage' as const, eta: Number(eta), seed: 901 + i },
        outcome: outcome(reward),
      })),
    );
    expect(tunedEtas(runs.filter(({ setup }) => setup.eta !== 0.8)).sage).toBe(0.3);
    expect(tunedEtas([...runs, { ...runs[5], setup: { ...runs[5].setup, seed: 903 } }]).sage).toBe(0.8);
  });
});

describe('the tables', () => {
  const results: StudyResult[] = comparison.map((setup) => ({
    setup,
    // The equalizer adds 0.1 to any seed's own level.
    outcome: outcome(0.6 + setup.seed / 10 + (setup.equalizer === 'analytic' ? 0.1 : 0)),
  }));

  it('pair by seed and by all other factors', () => {
    expect(cellsOf(results)).toHaveLength(32);
    expect(factorTable(results)).toContain('| cps: equalizer on − off | +0.1000 [+0.1000, +0.1000] |');
    expect(factorTable(results)).toContain('moving + stepwise − none | 0.0000 [0.0000, 0.0000] |');
  });

  it('take the main cells alone for the comparison of kernels', () => {
    // Seeds 1 to 5: mean gain 0.6 + 0.3 + 0.1 − 0.5.
    expect(mainTable(results)).toMatch(/\| sage \| 0\.5 \| 5 \| \+0\.5000 \[\+0\.3\d+, \+0\.6\d+\] \|/);
  });
});

describe('axis ticks', () => {
  it('are round, inside the range and more than one', () => {
    expect(ticks(0, 1)).toEqual([0, 0.2, 0.4, 0.6, 0.8, 1]);
    expect(ticks(-0.03, 0.017)).toEqual([-0.03, -0.02, -0.01, 0, 0.01]);
  });
});
