import { expect, it } from 'vitest';
import { scoreColumns } from '../../../engine/cli/scores.ts';
import { evaluationSummary } from '../../../engine/run/inspect.ts';
import { createRandom } from '../../../engine/shapes/random.ts';
import { evaluationEvent, healthyShape } from '../../support/run-events.ts';

it('a table of evaluations shows components in both scales and marks what is held out', () => {
  const { header, cells } = scoreColumns([
    { components: { VQ: 0.42 }, raw: { VQ: 4.62 }, heldOut: { clipscore: 27.1 } },
    { components: { VQ: 0.5 }, heldOut: { clipscore: 26, pickscore: 21 } },
  ]);
  expect(header).toEqual(['VQ', 'clipscore (held out)', 'pickscore (held out)']);
  expect(cells({ components: { VQ: 0.42 }, raw: { VQ: 4.62 }, heldOut: { clipscore: 27.1 } })).toEqual([
    ...['0.4200 (raw 4.6200)', '27.1000', '—'],
  ]);
});

it('the summary of an evaluation keeps what was measured beside the reward', () => {
  const heldOut = { clipscore: { start: 27, spread: 1, change: 0 } };
  const event = { ...evaluationEvent(healthyShape(1, { heldOut }), 5, createRandom(1, 1)), raw: { VQ: 4.6 } };
  expect(evaluationSummary(event)).toMatchObject({ heldOut: event.heldOut, raw: { VQ: 4.6 } });
  const { heldOut: _watched, raw: _raw, ...plain } = event;
  expect(Object.keys(evaluationSummary(plain))).not.toContain('heldOut');
});
