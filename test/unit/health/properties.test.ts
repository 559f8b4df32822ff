import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createHealth } from '../../../engine/health/health.ts';
import { createTrail } from '../../../engine/health/trail.ts';
import { healthCodes, healthFinding } from '../../../engine/protocol/view.ts';
import { eventSchema, type RunEvent } from '../../../engine/run/events.ts';
import { configOf, healthyShape, runEvents } from '../../support/run-events.ts';

const number = fc.oneof(
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.double({ min: -2, max: 2, noNaN: true }),
  fc.constantFrom(0, 1, -1, 1e308, -1e308, 5e-324, 1e-5),
);
const measured = fc.oneof(number, fc.constant(null));
const seconds = fc.oneof(fc.double({ min: 0, max: 1e308, noNaN: true }), fc.constantFrom(0, 1));
const count = fc.oneof(fc.nat(20), fc.constant(Number.MAX_SAFE_INTEGER));
const name = fc.oneof(
  fc.constantFrom(
    'VQ',
    '__proto__',
    'constructor',
    'hasOwnProperty',
    '<img src=x onerror=alert(1)>',
    '\u001b[31m',
    '',
    '../..',
  ),
  fc.string({ unit: 'binary', maxLength: 20 }),
);
const components = fc
  .array(fc.tuple(name, number), { maxLength: 5 })
  .map((entries) => entries.reduce<Record<string, number>>((all, [key, value]) => define(all, key, value), {}));

/** As JSON.parse does: a key `__proto__` is a key like any other. */
function define(record: Record<string, number>, key: string, value: number): Record<string, number> {
  return Object.defineProperty(record, key, { value, enumerable: true, writable: true, configurable: true });
}

const stepFields = [
  ...([
    'ratio',
    'ratioDeviation',
    'approxKl',
    'clipFraction',
    'gradientNormRaw',
    'gradientNorm',
    'analyticNorm',
  ] as const),
  ...(['equalizer', 'klAnchor', 'klStep', 'driftReference', 'driftAnchor', 'excessEnergy'] as const),
];
const step = fc.record({ k: count, ...Object.fromEntries(stepFields.map((field) => [field, measured])) });
const iteration = fc.record({
  kind: fc.constant('iteration'),
  reward: fc.record({ mean: number, std: number, min: number, max: number }),
  ...{ components, distance: measured, deadGroups: count, unscored: count, advantageAbsMean: measured },
  steps: fc.array(step, { maxLength: 4 }),
  ...{ firstReplayRatioDeviation: measured, loss: measured, beta: number, learningRate: number, updates: count },
  ...{ updateNorm: measured, gradientNorm: measured, anchorRefreshes: count, skippedUpdates: count },
  seconds: fc.record({
    rollout: seconds,
    decode: seconds,
    score: seconds,
    update: seconds,
    other: seconds,
    total: seconds,
  }),
  peakMemory: measured,
});
const evaluation = fc.record({
  ...{ kind: fc.constant('evaluation'), reward: number, rewardStd: number, components, distance: measured },
  ...{ videos: count, unscored: count, ceiling: measured, seconds, best: fc.boolean() },
});
const video = fc.record({
  ...{ file: name, poster: name, prompt: name, promptIndex: count, generation: count },
  seedKey: fc.record({ seed: number, stream: count, iteration: count, prompt: count, generation: count }),
  ...{ reward: measured, components: fc.constant(null), advantage: measured, distance: measured, reason: name },
});
const others = fc.oneof(
  fc.record({ kind: fc.constant('rollouts'), folder: name, videos: fc.array(video, { maxLength: 3 }) }),
  fc.record({ kind: fc.constant('warning'), code: fc.constant('train/unscored-videos'), message: name, remedy: name }),
  fc.record({ kind: fc.constant('checkpoint'), folder: name, reward: measured, best: fc.boolean() }),
  fc.record({ kind: fc.constant('run_finished'), status: name, message: name }),
  fc.record({ kind: fc.constant('run_resumed'), fromIteration: count }),
);
/** One event, and how often it comes in a row: diseases take a while. */
const stretch = fc.tuple(
  fc.oneof({ weight: 4, arbitrary: iteration }, evaluation, others),
  fc.integer({ min: 1, max: 40 }),
);

function stamped(bodies: readonly object[]): RunEvent[] {
  const common = { v: 1, time: '2026-01-01T00:00:00.000Z' };
  return bodies.map((body, i) => ({ ...body, ...common, seq: i + 1, iteration: i + 1 }) as unknown as RunEvent);
}

describe('findings', () => {
  it('never throw, are valid and in order, whatever valid events and config there are', () => {
    const config = fc.oneof(
      fc.constant(configOf(healthyShape(1))),
      fc.dictionary(name, fc.jsonValue()),
      fc.record({ reward: fc.record({ weights: components }), rollout: fc.jsonValue(), trust_region: fc.jsonValue() }),
    );
    const status = fc.constantFrom(null, 'running', 'paused', 'stopped', 'finished', 'failed', 'crashed' as const);
    fc.assert(
      fc.property(fc.array(stretch, { maxLength: 8 }), config, status, (stretches, config, status) => {
        const events = stamped(stretches.flatMap(([body, times]) => new Array<object>(times).fill(body)));
        const health = createHealth(config as Record<string, unknown>);
        for (const event of events) health.add(event);
        const findings = health.findings(status as 'running');
        for (const finding of findings) {
          expect(healthFinding.parse(finding)).toEqual(finding);
          expect(finding.first).toBeLessThanOrEqual(finding.last);
          expect(JSON.stringify(finding)).not.toMatch(/undefined|\bnull [a-z]|\[object/);
        }
        const rank = findings.map(
          ({ code, severity }) => healthCodes.indexOf(code) + (severity === 'problem' ? 0 : healthCodes.length),
        );
        expect(rank).toEqual(rank.toSorted((a, b) => a - b));
      }),
      { numRuns: 400 },
    );
  });

  it('the events of that test are valid by the schema', () => {
    fc.assert(
      fc.property(stretch, ([body]) => eventSchema.safeParse(stamped([body])[0]).success),
      { numRuns: 200 },
    );
  });

  it('never throw for a log that was only read lightly', () => {
    const broken = fc.tuple(
      iteration,
      fc.constantFrom('steps', 'components', 'reward', 'loss', 'seconds', 'beta'),
      fc.jsonValue(),
    );
    fc.assert(
      fc.property(fc.array(broken, { minLength: 1, maxLength: 60 }), (bodies) => {
        const health = createHealth({});
        for (const event of stamped(bodies.map(([body, name, value]) => ({ ...body, [name]: value }))))
          health.add(event);
        for (const finding of health.findings('running')) healthFinding.parse(finding);
      }),
      { numRuns: 300 },
    );
  });

  it('are the same however often one asks, and cannot be changed by who asks', () => {
    const shape = healthyShape(3, { iterations: 60, gain: -4, spread: 0.3, pace: 30 });
    const [often, once] = [createHealth(configOf(shape)), createHealth(configOf(shape))];
    for (const event of runEvents(shape)) {
      often.add(event);
      for (const finding of often.findings('running')) finding.steps.push(99);
      once.add(event);
    }
    expect(once.findings('running')).not.toEqual([]);
    expect(often.findings('running')).toEqual(once.findings('running'));
  });

  it('rest on no more of a long run than its newest iterations, columns of means, and some evaluations', () => {
    const { trail, add } = createTrail({});
    const shape = healthyShape(4, { iterations: 3000, steps: 2, stepsPerIteration: 2, evaluateEvery: 5 });
    const sizes = runEvents(shape).map((event) => {
      add(event);
      return [trail.recent.length, trail.history.points('reward').length, trail.evaluations.length];
    });
    const most = [0, 1, 2].map((i) => sizes.reduce((largest, size) => Math.max(largest, size[i]), 0));
    expect(most).toEqual([50, 256, 128]);
    expect(trail.iterations()).toBe(3000);
    expect(trail.history.points('reward').reduce((sum, { n }) => sum + n, 0)).toBe(3000);
    expect(trail.evaluations[0].iteration).toBe(0);
    expect(trail.evaluations.at(-1)!.iteration).toBe(3000);
  });
});
