import { describe, expect, it } from 'vitest';
import { createHealth } from '../../../engine/health/health.ts';
import type { HealthFinding } from '../../../engine/protocol/view.ts';
import type { CurrentStatus } from '../../../engine/run/folder.ts';
import {
  configOf,
  healthyShape,
  runEvents,
  type Changes,
  type IterationEvent,
  type RunShape,
} from '../../support/run-events.ts';

interface Told {
  /** Of the disease's code, after each iteration; null while it is not found. */
  byIteration: Map<number, HealthFinding | null>;
  /** Iteration after which it was found first; null when never. */
  found: number | null;
  /** What is found of it at the end. */
  last: HealthFinding | null;
  /** Codes of all findings at the end. */
  codes: string[];
}

/** Watches an invented run for one disease. */
function watch(
  code: HealthFinding['code'],
  shape: RunShape,
  changes: Changes,
  options: { config?: (config: Record<string, unknown>) => void; status?: CurrentStatus } = {},
): Told {
  const config = configOf(shape);
  options.config?.(config);
  const health = createHealth(config);
  const byIteration = new Map<number, HealthFinding | null>();
  let found: number | null = null;
  for (const event of runEvents(shape, changes)) {
    health.add(event);
    if (event.kind !== 'iteration') continue;
    const finding = health.findings('running').find((one) => one.code === code) ?? null;
    byIteration.set(event.iteration, finding);
    if (finding) found ??= event.iteration;
  }
  const all = health.findings(options.status ?? 'running');
  return { byIteration, found, last: all.find((one) => one.code === code) ?? null, codes: all.map((one) => one.code) };
}

/** A run like the shapes model's, long enough for any finding. */
const shapeOf = (seed: number, own: Partial<RunShape> = {}) =>
  healthyShape(seed, {
    ...{ iterations: 120, prompts: 4, generations: 8, steps: 9, stepsPerIteration: 9, equalizer: 'analytic' },
    ...{ spread: 0.3, gain: 1.5, pace: 60, promptSpread: 0.4, closes: 0.8, evaluateEvery: 10, writeEvery: 5 },
    ...{ distance: { start: 0.06, change: -0.1 }, components: { VQ: 0.3, MQ: 0.35, TA: 0.35 } },
    ...own,
  });
const seeds = [1, 2, 3, 4, 5, 6];

function set(config: Record<string, unknown>, path: string, value: unknown): void {
  const keys = path.split('.');
  const inner = keys.slice(0, -1).reduce((at, key) => (at[key] ??= {}) as Record<string, unknown>, config);
  inner[keys.at(-1)!] = value;
}

describe('each disease is found, with its numbers', () => {
  it.each([1.2e-5, 1e-3, 0.2])('a first-replay ratio off by %d at once, at the steps that stand out', (size) => {
    const told = watch('health/first-replay-ratio', shapeOf(1), {
      iteration(event) {
        if (event.iteration < 30) return;
        event.firstReplayRatioDeviation = size;
        for (const step of event.steps) step.ratioDeviation = step.k === 7 ? Math.max(size, 1e-3) : 2e-6;
      },
    });
    expect(told.found).toBe(30);
    expect(told.last).toMatchObject({ severity: 'problem', first: 30, last: 120 });
    expect(told.byIteration.get(120)!.evidence).toMatch(/at iteration 30/);
    expect(told.last!.steps).toContain(7);
  });

  it('a first-replay ratio that was put right stays as a warning about the past', () => {
    const told = watch('health/first-replay-ratio', shapeOf(1), {
      iteration: (event) => void (event.iteration < 30 && (event.firstReplayRatioDeviation = 1e-2)),
    });
    expect(told.byIteration.get(40)!.severity).toBe('problem');
    expect(told.last).toMatchObject({ severity: 'warning', first: 1, last: 29 });
  });

  it.each([0.5, 0.7, 1])('dead groups, a share of %d, within ten iterations', (share) => {
    for (const seed of seeds) {
      const told = watch('health/dead-groups', shapeOf(seed, { prompts: 8 }), {
        iteration: (event) => void (event.iteration >= 40 && (event.deadGroups = Math.round(share * 8))),
      });
      expect(told.found! - 40).toBeLessThanOrEqual(15);
      expect(told.last!.evidence).toMatch(/^\d+ of 160 groups in iterations 101–120/);
      expect(told.last!.severity).toBe(share > 0.75 ? 'problem' : 'warning');
      expect(told.last!.remedy).toContain('exploration.eta');
    }
  });

  it('dead groups are forgotten twenty iterations after they were cured', () => {
    const told = watch('health/dead-groups', shapeOf(1), {
      iteration: (event) => void (event.iteration < 60 && (event.deadGroups = 4)),
    });
    expect(told.byIteration.get(50)!.severity).toBe('problem');
    expect(told.last).toBeNull();
  });

  it.each([0, 0.05])('a reward that gains %d spreads in all, within 200 iterations', (gain) => {
    for (const seed of seeds) {
      const told = watch('health/reward-flat', shapeOf(seed, { gain, prompts: 8, iterations: 220, closes: null }), {});
      expect(told.found).toBeGreaterThanOrEqual(40);
      expect(told.found).toBeLessThanOrEqual(200);
      expect(told.last).toMatchObject({ severity: 'problem', first: 1, key: 'training.learning_rate' });
      expect(told.last!.title).toMatch(/not risen/);
    }
  });

  it('a flat reward says to which of the usual causes the numbers point', () => {
    const flat = shapeOf(2, { gain: 0, prompts: 8, iterations: 220, drift: { end: 0.1, power: 1 } });
    const remedy = (change: NonNullable<Changes['iteration']>) =>
      watch('health/reward-flat', flat, { iteration: change, evaluation: (event) => void (event.ceiling = null) })
        .last!;
    expect(remedy((event) => void (event.deadGroups = 6)).remedy).toMatch(/75 % of the groups .* exploration\.eta/);
    expect(remedy((event) => event.steps.forEach((s) => void (s.driftReference = 1e-7))).remedy).toMatch(
      /hardly move: .*1\.00e-7.*training\.learning_rate from 1\.00e-4 to 3\.0e-4/,
    );
    expect(remedy((event) => event.steps.forEach((s) => void (s.clipFraction = 0.8))).remedy).toMatch(
      /80 % .* clipped/,
    );
    expect(remedy((event) => void (event.learningRate = 1e-9)).key).toBe('training.learning_rate_schedule');
    expect(remedy((event) => event.steps.forEach((s) => void (s.gradientNorm = 100 ** s.k))).remedy).toMatch(
      /equalizer\.mode to measured/,
    );
    expect(remedy((event) => event.steps.forEach((s) => void (s.klAnchor = 1e6))).remedy).toMatch(/beta\.weight/);
    expect(remedy((event) => void (event.firstReplayRatioDeviation = 0.01)).remedy).toMatch(/does not reproduce/);
    expect(remedy(() => undefined).remedy).toMatch(/look sound.*training\.learning_rate/);
  });

  it('a reward that begins to rise late is no longer flat', () => {
    const told = watch('health/reward-flat', shapeOf(3, { gain: 0, prompts: 8, iterations: 320, closes: null }), {
      iteration: (event) => void (event.iteration > 220 && (event.reward.mean += 0.01 * (event.iteration - 220))),
      evaluation: (event) => void (event.iteration > 220 && (event.reward += 0.01 * (event.iteration - 220))),
    });
    expect(told.byIteration.get(220)).not.toBeNull();
    expect(told.last).toBeNull();
  });

  it('a reward that falls', () => {
    for (const seed of seeds) {
      const told = watch('health/reward-flat', shapeOf(seed, { gain: -1.5, closes: null }), {});
      expect(told.found).toBeLessThanOrEqual(60);
      expect(told.byIteration.get(60)!.title).toBe('The reward falls.');
    }
  });

  it('a rise that ended far below a known ceiling, but not one that ended near it', () => {
    const stopped = (closes: number) =>
      watch('health/reward-flat', shapeOf(4, { pace: 15, iterations: 240, closes }), {}).last;
    expect(stopped(0.25)).toMatchObject({ severity: 'warning' });
    expect(stopped(0.25)!.evidence).toMatch(/below the .* of flawless videos/);
    expect(stopped(0.8)).toBeNull();
  });

  it('one component that does all the work', () => {
    for (const seed of seeds) {
      const told = watch(
        'health/one-component',
        shapeOf(seed, { components: { VQ: 1.15, MQ: -0.1, TA: -0.05 }, iterations: 160 }),
        {},
      );
      expect(told.found).toBeLessThanOrEqual(140);
      expect(told.last!.title).toMatch(/^VQ alone/);
      expect(told.last!.evidence).toMatch(/(99|100) % of the rise in iterations 1–160: VQ/);
    }
  });

  it('a reward that rises while the manifold distance does', () => {
    for (const seed of seeds)
      for (const change of [0.4, 1]) {
        const told = watch('health/reward-hacking', shapeOf(seed, { distance: { start: 0.06, change } }), {});
        expect(told.found).toBeLessThanOrEqual(80);
        expect(told.last!.severity).toBe('problem');
        expect(told.last!.evidence).toMatch(/distance of rollouts 0\.0\d+ → 0\.\d+ RMSE \(\+\d+ %\)/);
      }
  });

  it('a training reward that rises while the evaluation falls', () => {
    for (const seed of seeds) {
      const told = watch('health/reward-hacking', shapeOf(seed, { iterations: 150 }), {
        evaluation: (event) => void (event.iteration > 50 && (event.reward -= 0.01 * (event.iteration - 50))),
      });
      expect(told.found).toBeLessThanOrEqual(140);
      expect(told.last!.evidence).toMatch(/evaluation .* at iteration \d+ → .* at iteration 150/);
    }
  });

  it('a component without weight that falls while the reward rises', () => {
    const held = shapeOf(5, { components: { VQ: 0.5, MQ: 0.5, 'held <b>out</b>': -0.6 } });
    const told = watch(
      'health/reward-hacking',
      held,
      {
        iteration: (event) => void (event.reward.mean = event.components.VQ + event.components.MQ),
        evaluation: (event) => void (event.reward = event.components.VQ + event.components.MQ),
      },
      { config: (config) => set(config, 'reward.weights', { VQ: 1, MQ: 1 }) },
    );
    expect(told.last!.title).toContain('the held-out held <b>out</b>');
    expect(told.last!.evidence).toMatch(/which has no weight in the reward, -?\d/);
  });

  it('a held-out metric that falls while the reward rises: which, by how much and over which iterations', () => {
    for (const seed of seeds) {
      const heldOut = {
        clipscore: { start: 27, spread: 2, change: -2 },
        pickscore: { start: 21, spread: 1, change: 0.3 },
      };
      const told = watch('health/reward-hacking', shapeOf(seed, { heldOut }), {});
      expect(told.found, `seed ${seed}`).toBeLessThanOrEqual(110);
      expect(told.last).toMatchObject({ severity: 'problem', last: 120 });
      expect(told.last!.title).toContain('the held-out clipscore');
      expect(told.last!.evidence).toMatch(/held-out clipscore of rollouts 2\d\.?\d* → 2\d\.?\d* \(-\d/);
      expect(told.last!.evidence).toMatch(/in iterations \d+–120/);
      expect(told.last!.evidence).not.toContain('pickscore');
    }
  });

  it('a held-out metric that falls in evaluations alone', () => {
    const flat = { pickscore: { start: 21, spread: 1, change: 0 } };
    const told = watch('health/reward-hacking', shapeOf(2, { heldOut: flat, iterations: 200, pace: 100 }), {
      evaluation: (event) => void (event.iteration > 60 && (event.heldOut!.pickscore -= 0.02 * (event.iteration - 60))),
    });
    expect(told.last!.evidence).toMatch(
      /held-out pickscore of evaluations 2\d.* at iteration \d+ → 1\d.* at iteration 200/,
    );
  });

  it.each([12, 100, 3000])('gradients of one step %d times the others, within ten iterations', (times) => {
    const told = watch('health/gradient-imbalance', shapeOf(1), {
      iteration(event) {
        if (event.iteration < 40) return;
        for (const step of event.steps) step.gradientNorm = step.k === 3 ? times : 1;
      },
    });
    expect(told.found! - 40).toBeLessThanOrEqual(12);
    expect(told.last).toMatchObject({ steps: [3], first: 40, last: 120, key: 'equalizer.mode' });
    expect(told.last!.evidence).toMatch(/before the equalizer, .* after it \(equalizer\.mode: analytic\)/);
    expect(told.last!.remedy).toMatch(/measured/);
  });

  it.each([0.5, 0.9])('a clip fraction of %d, within ten iterations', (share) => {
    const told = watch('health/clip-fraction', shapeOf(1), {
      iteration: (event) => event.iteration >= 40 && event.steps.forEach((step) => void (step.clipFraction = share)),
    });
    expect(told.found! - 40).toBeLessThanOrEqual(11);
    expect(told.last).toMatchObject({ first: 40, last: 120 });
    expect(told.last!.evidence).toContain(`${share * 100} %`);
  });

  it('a single step that clips nearly everything', () => {
    const told = watch('health/clip-fraction', shapeOf(1, { clip: 0.05 }), {
      iteration: (event) => void (event.steps[8].clipFraction = 0.95),
    });
    expect(told.last!.steps).toEqual([8]);
  });

  it('β at its highest while the KL stays above its target, but not β at its lowest with a small KL', () => {
    const held = watch('health/kl-bound', shapeOf(1), {
      iteration(event) {
        event.beta = 1e-5;
        for (const step of event.steps) step.klAnchor = 0.05;
      },
    });
    expect(held.found).toBe(20);
    expect(held.last!.evidence).toMatch(/β 1\.00e-5 \(trust_region\.beta\.weight\).*median KL 0\.0500.*target 0\.0100/);
    expect(held.last!.remedy).toContain('1.0e-4');
    const easy = watch('health/kl-bound', shapeOf(1), { iteration: (event) => void (event.beta = 1e-7) });
    expect(easy.found).toBeNull();
  });

  it.each([3, 5])('drift that grows as the power %d of time', (power) => {
    for (const seed of seeds) {
      const told = watch('health/drift-accelerating', shapeOf(seed, { drift: { end: 0.6, power } }), {});
      expect(told.found).toBeLessThanOrEqual(120);
      expect(told.last!.evidence).toMatch(/Relative velocity deviation .* → 0\.\d+ in iterations \d+–\d+/);
      expect(told.last!.steps.length).toBeGreaterThan(0);
    }
  });

  it('the steps in which the policy runs away', () => {
    const told = watch('health/drift-accelerating', shapeOf(1, { drift: { end: 0.5, power: 4 } }), {
      iteration: (event) => event.steps.forEach((step) => step.k !== 2 && (step.driftReference! /= 10)),
    });
    // Mean over nine steps of which one runs away: still below what matters.
    expect(told.last).toBeNull();
    const alone = watch('health/drift-accelerating', shapeOf(1, { drift: { end: 5, power: 4 } }), {
      iteration: (event) => event.steps.forEach((step) => step.k !== 2 && (step.driftReference! /= 10)),
    });
    expect(alone.last!.steps).toEqual([2]);
  });

  it('a loss that is no number, at once; forgotten fifty iterations later', () => {
    const told = watch('health/not-finite', shapeOf(1), {
      iteration: (event) => void (event.iteration >= 30 && event.iteration < 33 && (event.loss = null)),
    });
    expect(told.found).toBe(30);
    expect(told.byIteration.get(60)).toMatchObject({ severity: 'problem', first: 30, last: 32 });
    expect(told.byIteration.get(60)!.evidence).toMatch(/loss was no number in 3 iterations/);
    expect(told.last).toBeNull();
  });

  it('a step whose ratio is no number, and updates that were left out', () => {
    const told = watch('health/not-finite', shapeOf(1), {
      iteration(event) {
        if (event.iteration !== 100) return;
        event.steps[4].ratio = null;
        event.skippedUpdates = 2;
      },
    });
    expect(told.last).toMatchObject({ severity: 'problem', steps: [4] });
    expect(told.last!.evidence).toMatch(/2 updates left out/);
  });

  it('videos without a reward, with the commonest reason', () => {
    const told = watch('health/unscored-videos', shapeOf(1), {
      iteration: (event) => void (event.iteration >= 90 && (event.unscored = 8)),
      video(video, iteration) {
        if (iteration < 90) return;
        video.reward = null;
        video.reason = video.generation === 0 || iteration === 95 ? 'the judge\u001b[31m ran out of memory' : 'other';
      },
    });
    expect(told.found).toBe(90);
    expect(told.last).toMatchObject({ first: 90, last: 120 });
    expect(told.last!.evidence).toMatch(/248 of 1600 rollouts .*reason: the judge \[31m ran out of memory$/);
  });

  it('a stage that has become much slower, within ten iterations', () => {
    const told = watch(
      'health/slow-stage',
      shapeOf(1, { seconds: { rollout: 2, decode: 0.3, score: 1, update: 2, other: 0.1 } }),
      {
        iteration(event) {
          if (event.iteration < 60) return;
          event.seconds.total += 7 * event.seconds.score;
          event.seconds.score *= 8;
        },
      },
    );
    expect(told.found! - 60).toBeLessThanOrEqual(10);
    expect(told.last!.title).toMatch(/^The scoring by the reward model takes [78]\.\d times as long/);
    expect(told.last!.first).toBe(60);
  });

  it('a stage that takes nearly all the time', () => {
    const told = watch(
      'health/slow-stage',
      shapeOf(1, { seconds: { rollout: 2, decode: 9, score: 1, update: 2, other: 0.1 } }),
      {},
    );
    expect(told.last).toMatchObject({ key: 'rollout.generations' });
    expect(told.last!.title).toMatch(/^The decoding of videos takes 6\d % of the time/);
  });

  it.each(['crashed', 'failed'] as const)('a trainer that %s, with what is lost', (status) => {
    const told = watch('health/trainer-died', shapeOf(1, { iterations: 97 }), {}, { status });
    expect(told.found).toBeNull();
    expect(told.last!.evidence).toBe('Last iteration 97; the newest checkpoint is of iteration 80.');
    expect(told.last!.why).toMatch(/17 iterations of work will be repeated/);
    expect(told.last!.remedy).toMatch(/^Resume from the checkpoint of iteration 80/);
  });

  it('a single update that was left out is a warning, several are a problem', () => {
    const skipped = (times: number) =>
      watch('health/not-finite', shapeOf(1), {
        iteration: (event) =>
          void (event.iteration > 100 && event.iteration <= 100 + times && (event.skippedUpdates = 1)),
      }).last!;
    expect(skipped(1)).toMatchObject({ severity: 'warning', first: 101, last: 101 });
    expect(skipped(3)).toMatchObject({ severity: 'problem', first: 101, last: 103 });
    expect(skipped(3).evidence).toMatch(/3 updates left out/);
  });

  it('videos of an evaluation without a reward, for the reason that a warning gives', () => {
    const shape = shapeOf(1, { writeEvery: 0 });
    const health = createHealth(configOf(shape));
    const changes: Changes = { evaluation: (event) => void (event.iteration === 120 && (event.unscored = 16)) };
    for (const event of runEvents(shape, changes)) health.add(event);
    health.add({
      ...{ kind: 'warning', code: 'train/unscored-videos', seq: 1, v: 1, time: '2026-01-01T00:00:00Z', iteration: 120 },
      message: '2 of 32 videos of iteration 120 could not be scored: no frame could be read.',
      remedy: 'Look.',
    });
    expect(health.findings('running')).toMatchObject([
      { code: 'health/unscored-videos', severity: 'problem', first: 120 },
    ]);
    expect(health.findings('running')[0].evidence).toBe(
      '16 of 48 videos of the evaluation at iteration 120 (33 %) have no reward. The commonest reason: no frame could be read.',
    );
  });

  it('the released controller, which turns the wrong way', () => {
    const told = watch(
      'health/kl-bound',
      shapeOf(1),
      {
        iteration(event) {
          event.beta = 1e-7;
          for (const step of event.steps) step.klAnchor = 0.05;
        },
      },
      { config: (config) => set(config, 'trust_region.beta.controller', 'released') },
    );
    expect(told.last).toMatchObject({ key: 'trust_region.beta.controller' });
    expect(told.last!.title).toMatch(/lowest value and the KL divergence stays above its target/);
  });
});

describe('a disease that was cured is gone', () => {
  const until = (end: number, ill: (event: IterationEvent) => void) => ({
    iteration: (event: IterationEvent) => void (event.iteration <= end && ill(event)),
  });
  const slow = (event: IterationEvent) => {
    if (event.iteration < 60) return;
    event.seconds.total += 20 * event.seconds.update;
    event.seconds.update *= 21;
  };
  it.each<[HealthFinding['code'], number, (event: IterationEvent) => void]>([
    ['health/clip-fraction', 20, (event) => event.steps.forEach((step) => void (step.clipFraction = 0.9))],
    [
      'health/gradient-imbalance',
      20,
      (event) => event.steps.forEach((step) => void (step.gradientNorm! *= 2 ** step.k)),
    ],
    ['health/kl-bound', 20, (event) => (event.steps.forEach((step) => void (step.klAnchor = 1)), (event.beta = 1e-5))],
    ['health/unscored-videos', 50, (event) => void (event.unscored = 3)],
    ['health/slow-stage', 10, slow],
    ['health/dead-groups', 20, (event) => void (event.deadGroups = 4)],
  ])('%s, at most %d iterations later', (code, later, ill) => {
    const { byIteration } = watch(code, shapeOf(7, { iterations: 140, clip: 0.1 }), until(80, ill));
    expect(byIteration.get(80)).not.toBeNull();
    for (let iteration = 80 + later; iteration <= 140; iteration++) expect(byIteration.get(iteration)).toBeNull();
  });

  it('a hacked reward stays a finding while the distance stays high, and goes when it has come down again', () => {
    const shape = shapeOf(3, { iterations: 400, pace: 40 });
    const raised = (iteration: number) => (iteration < 100 ? iteration : Math.max(0, 300 - iteration) / 2) / 100;
    const { byIteration, last } = watch('health/reward-hacking', shape, {
      iteration: (event) => void (event.distance! *= 1 + raised(event.iteration)),
    });
    expect(byIteration.get(100)).not.toBeNull();
    expect(last).toBeNull();
  });
});
