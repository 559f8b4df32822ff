import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { binIterations, largestColumns } from '../../../engine/report/bins.ts';
import type { Iteration } from '../../../engine/report/bins.ts';
import { formatDuration, formatNumber, formatPercent } from '../../../engine/report/format.ts';
import { buildHeatMaps } from '../../../engine/report/heatmaps.ts';
import { html, scriptJson } from '../../../engine/report/html.ts';
import { evenlySpaced } from '../../../engine/report/rollouts.ts';
import { buildCharts, gradientImbalance } from '../../../engine/report/series.ts';
import { compareEvaluations, roomClosed, sentenceOf } from '../../../engine/report/summary.ts';
import { readEvents } from '../../../engine/run/event-log.ts';
import type { EventOf } from '../../../engine/run/events.ts';
import { writeFixtureRun } from './fixture.ts';

let folder: string;
let iterations: Iteration[];
let evaluations: EventOf<'evaluation'>[];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sage-series-'));
  const events = await readEvents(join(await writeFixtureRun(folder, { iterations: 20 }), 'events.jsonl'));
  iterations = events.filter((event) => event.kind === 'iteration');
  evaluations = events.filter((event) => event.kind === 'evaluation');
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const repeated = (count: number) =>
  Array.from({ length: count }, (_, i) => ({ ...iterations[i % 20], iteration: i + 1 }));

describe('the curves', () => {
  it('have one figure for each metric that is only watched', () => {
    const watched = iterations.map((event) => ({ ...event, heldOut: { clipscore: 20 + event.iteration } }));
    const measured = evaluations.map((event) => ({ ...event, heldOut: { clipscore: 30, pickscore: 21 } }));
    const charts = buildCharts(binIterations(watched), measured).filter(({ id }) => id.startsWith('held-out-'));
    expect(charts.map(({ title }) => title)).toEqual(['clipscore, held out', 'pickscore, held out']);
    expect(charts[0].series[0].y[4]).toBeCloseTo(20 + iterations[4].iteration, 5);
    expect(charts[1].series.map(({ name }) => name)).toEqual(['evaluation']);
    const worse = [measured[0], { ...measured[1], heldOut: { clipscore: 28 } }];
    expect(compareEvaluations(worse)).toContainEqual(
      expect.objectContaining({ name: 'clipscore', note: 'held out: only watched', verdict: 'worse' }),
    );
  });

  it('hold the values of the events', () => {
    const [reward] = buildCharts(binIterations(iterations), evaluations);
    expect(reward.series[0].y[4]).toBeCloseTo(iterations[4].reward.mean, 5);
    expect(reward.series[0].high![4]).toBeCloseTo(iterations[4].reward.mean + iterations[4].reward.std, 5);
    expect(reward.series[1].x).toEqual([0, 10, 20]);
  });

  it('stack the seconds of the stages up to their sum', () => {
    const seconds = buildCharts(binIterations(iterations), []).find((chart) => chart.id === 'seconds')!;
    const { rollout, decode, score, update, other } = iterations[0].seconds;
    expect(seconds.series.at(-1)!.high![0]).toBeCloseTo(rollout + decode + score + update + other, 4);
  });

  it('leave out what was never measured, and what a logarithm cannot show', () => {
    const bare = iterations.map((event) => ({
      ...event,
      distance: null,
      beta: 0,
      steps: event.steps.map((step) => ({ ...step, klAnchor: 0, klStep: null })),
    }));
    const ids = buildCharts(binIterations(bare), []).map((chart) => chart.id);
    expect(ids).toEqual(['reward', 'components', 'imbalance', 'norms', 'seconds']);
  });

  it('of a long run are means over bins, and nothing is lost', () => {
    const bins = binIterations(repeated(10_000));
    expect(bins.length).toBeLessThanOrEqual(largestColumns);
    expect(bins.flatMap((bin) => bin.members).length).toBe(10_000);
    const [reward] = buildCharts(bins, []);
    const first = bins[0].members.map((event) => event.reward.mean);
    expect(reward.series[0].y[0]).toBeCloseTo(first.reduce((a, b) => a + b) / first.length, 5);
    expect(reward.series[0].x.at(-1)).toBe(10_000);
  });

  it('measure imbalance as largest over smallest norm', () => {
    const steps = [2, 8, null, 0].map((gradientNorm) => ({ ...iterations[0].steps[0], gradientNorm }));
    expect(gradientImbalance({ ...iterations[0], steps }, 'gradientNorm')).toBe(4);
    expect(gradientImbalance({ ...iterations[0], steps: steps.slice(2) }, 'gradientNorm')).toBeNull();
  });
});

describe('the heat maps', () => {
  it('have a row for each explored step and share the scale of what is to be compared', () => {
    const [raw, equalized] = buildHeatMaps(binIterations(iterations));
    expect(raw.rows).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8]);
    expect(raw.columns).toEqual(iterations.map((event) => event.iteration));
    expect(raw.domain).toEqual(equalized.domain);
    expect(raw.values[3][7]).toBeCloseTo(iterations[7].steps[3].gradientNormRaw!, 5);
  });

  it('keep a hole where a step was not trained in an iteration', () => {
    const partial = iterations.map((event, i) => (i === 2 ? { ...event, steps: event.steps.slice(1) } : event));
    const [raw] = buildHeatMaps(binIterations(partial));
    expect([raw.values[0][2], raw.values[0][1] === null, raw.values[1][2] === null]).toEqual([null, false, false]);
  });

  it('without an anchor have no map of it', () => {
    const free = iterations.map((event) => ({
      ...event,
      steps: event.steps.map((s) => ({ ...s, driftAnchor: null })),
    }));
    expect(buildHeatMaps(binIterations(free)).map((map) => map.id)).not.toContain('drift-anchor');
  });
});

describe('the sentence', () => {
  const sentence = (after: Partial<EventOf<'evaluation'>>) =>
    sentenceOf([
      { ...evaluations[0], reward: 1, distance: 0.2, ceiling: 2 },
      { ...evaluations[1], reward: 1, distance: 0.2, ceiling: 2, iteration: 10, ...after },
    ]);
  it.each([
    [{ reward: 1.5, distance: 0.1 }, 'rose from 1.00 to 1.50 over 10 iterations, closing 50\u00a0% of the room'],
    [{ reward: 1.5, distance: 0.1 }, 'Videos are closer to the manifold (0.200 → 0.100).'],
    [{ reward: 1.5, distance: 0.3 }, 'But videos are farther from the manifold (0.200 → 0.300).'],
    [{ reward: 0.5 }, 'The reward fell from 1.00 to 0.500 over 10 iterations.'],
    [{ reward: 1.001 }, 'The reward stayed at 1.00 over 10 iterations. Videos are as far from the manifold as before'],
    [{ reward: 1.5, distance: null, ceiling: null }, 'of the room left to flawless videos.'],
  ])('for %o contains "%s"', (after, words) => expect(sentence(after)).toContain(words));

  it('claims no share of the room when the room is not known or not there', () => {
    const at = (reward: number, ceiling: number | null) => ({ ...evaluations[0], reward, ceiling });
    expect(roomClosed([at(1, null), at(1.5, null)])).toBeNull();
    expect(roomClosed([at(2, 2), at(2.5, 2)])).toBeNull();
    expect(roomClosed([at(1, 2), at(0.5, 2)])!.share).toBe(-0.5);
  });
});

describe('numbers, choices and text', () => {
  it('are written for people', () => {
    expect([0, 1.2345, -0.5, 12345, 1e-7, null, Number.NaN].map((n) => formatNumber(n))).toEqual([
      '0',
      '1.23',
      '−0.500',
      '12345',
      '1.00 × 10⁻⁷',
      '–',
      '–',
    ]);
    expect([0, 0.005, 0.436, -0.2].map(formatPercent)).toEqual(['0\u00a0%', '0.5\u00a0%', '44\u00a0%', '−20\u00a0%']);
    expect([41.4, 150, 3840].map(formatDuration)).toEqual(['41 s', '2 min 30 s', '1 h 04 min']);
  });

  it('are chosen evenly', () => {
    expect(evenlySpaced([0, 1, 2, 3, 4, 5, 6, 7], 2)).toEqual([2, 6]);
    expect(evenlySpaced([1, 2], 5)).toEqual([1, 2]);
  });

  it('whatever they hold, stay text in markup and data in a script', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const json = scriptJson({ text });
        expect(json).not.toMatch(/[<>&\u2028\u2029]/);
        expect(JSON.parse(json)).toEqual({ text });
        expect(html`${text}`.html).not.toMatch(/[<>"']/);
      }),
    );
    expect(html`<p>${[html`<b>${'a<b'}</b>`]}${null}${false}</p>`.html).toBe('<p><b>a&lt;b</b></p>');
  });
});
