import fc from 'fast-check';
import { stepNames, type EventOf } from '../../../engine/protocol.ts';
import { iterationEvent } from '../run/sample-run.ts';

type Iteration = EventOf<'iteration'>;

/** An iteration event as it stands in a log. */
export function stamped(iteration: number, change: Partial<Iteration> = {}, steps = 3): Iteration {
  const envelope = { seq: iteration, time: '2026-01-01T00:00:00.000Z', v: 1 as const };
  return { ...(iterationEvent(iteration, steps) as Iteration), ...envelope, ...change };
}

const measured = fc.oneof({ weight: 5, arbitrary: fc.double({ noNaN: true, min: -1e6, max: 1e6 }) }, fc.constant(null));
const step = (k: number) =>
  fc.record(Object.fromEntries(['ratio', ...stepNames].map((name) => [name, measured]))).map((values) => ({
    ...(values as Omit<Iteration['steps'][number], 'k'>),
    k,
  }));
const names = fc.constantFrom(
  'VQ',
  'MQ',
  'TA',
  '__proto__',
  'constructor',
  '<img src=x onerror=alert(1)>',
  '',
  'reward',
);

/** Iterations in a row, of which steps and components come and go and much is not measured. */
export const iterationsInARow = (length: { minLength: number; maxLength: number }) =>
  fc
    .array(
      fc.record({
        components: fc.array(fc.tuple(names, fc.double({ noNaN: true, min: -10, max: 10 })), { maxLength: 4 }),
        steps: fc
          .uniqueArray(fc.integer({ min: 0, max: 5 }), { maxLength: 4 })
          .chain((ks) => fc.tuple(...ks.map(step))),
        distance: measured,
        reward: fc.double({ noNaN: true, min: -10, max: 10 }),
      }),
      length,
    )
    .map((rows) =>
      rows.map(({ components, reward, ...rest }, i) =>
        stamped(i + 1, {
          ...rest,
          reward: { mean: reward, std: 1, min: reward - 1, max: reward + 1 },
          // As JSON.parse makes it: `__proto__` is a key like any other.
          components: Object.fromEntries(components),
        }),
      ),
    );
