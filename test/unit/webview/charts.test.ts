import fc from 'fast-check';
import { parse } from 'csv-parse/sync';
import { describe, expect, test } from 'vitest';
import { colourAt, writeColour } from '../../../webview/charts/colour.ts';
import { colourDomain } from '../../../webview/charts/colour-domain.ts';
import { csvOf } from '../../../webview/charts/csv.ts';
import { within } from '../../../webview/charts/zoom.ts';
import { heatTable, lineTable, type HeatMap, type LineChart } from '../../../webview/charts/model.ts';
import { formatBytes, formatDuration, formatNumber, formatWith } from '../../../webview/charts/numbers.ts';
import {
  axisRange,
  boundsOf,
  countTicks,
  linearTicks,
  logTicks,
  nearestIndex,
  positionOf,
  tickLabels,
} from '../../../webview/charts/scale.ts';
import { segmentsOf } from '../../../webview/charts/segments.ts';
import { smooth } from '../../../webview/charts/smoothing.ts';
import { heatMapSvg, lineChartSvg } from '../../../webview/charts/svg.ts';

const finite = fc.double({ min: -1e6, max: 1e6, noNaN: true });
const measured = fc.option(finite, { nil: null });

describe('smoothing', () => {
  test('leaves a constant as it is, from its first value on', () => {
    for (const value of smooth([3, 3, null, 3], 0.9)) expect(value ?? 3).toBeCloseTo(3, 12);
  });

  test('weighs the past as it says, without drawing the first values towards 0', () => {
    // By hand: (0.5·1·0.5 + 0.5·2) / (0.25 + 0.5).
    expect(smooth([1, 2], 0.5)).toEqual([1, 1.25 / 0.75]);
  });

  test('stays within what was measured and has nothing where nothing was', () => {
    fc.assert(
      fc.property(fc.array(measured), fc.double({ min: 0, max: 0.99, noNaN: true }), (values, weight) => {
        const smoothed = smooth(values, weight);
        const [low, high] = boundsOf(values, 'linear');
        expect(smoothed.map((value) => value === null)).toEqual(values.map((value) => value === null));
        for (const value of smoothed)
          if (value !== null) {
            expect(value).toBeGreaterThanOrEqual(low! - 1e-6);
            expect(value).toBeLessThanOrEqual(high! + 1e-6);
          }
      }),
    );
  });
});

describe('axes', () => {
  test('ticks are round, ascending and inside of the range', () => {
    expect(linearTicks(0, 1)).toEqual([0, 0.2, 0.4, 0.6, 0.8, 1]);
    expect(logTicks(0.002, 70)).toEqual([0.01, 0.1, 1, 10]);
    expect(countTicks(0, 3)).toEqual([0, 1, 2, 3]);
    fc.assert(
      fc.property(finite, fc.double({ min: 1e-3, max: 1e6, noNaN: true }), (low, span) => {
        const ticks = linearTicks(low, low + span);
        expect(ticks).toEqual(ticks.toSorted((a, b) => a - b));
        for (const tick of ticks) expect(tick >= low - 1e-6 * span && tick <= low + span * 1.000001).toBe(true);
      }),
    );
  });

  test('labels of an axis have as many decimals as its steps need, and powers of ten where numbers are extreme', () => {
    expect(tickLabels([0, 0.05, 0.1])).toEqual(['0.00', '0.05', '0.10']);
    expect(tickLabels([-1, 0, 1])).toEqual(['−1', '0', '1']);
    expect(tickLabels([1e-6, 2e-6, 5e-2])).toEqual(['10⁻⁶', '2×10⁻⁶', '5×10⁻²']);
    expect(tickLabels([0, 0.05, 0.1], true)).toEqual(['0 %', '5 %', '10 %']);
  });

  test('a flat line is not drawn as its rounding errors', () => {
    const [low, high] = axisRange(1, 1 + 1e-12, 'linear');
    expect(high - low).toBeGreaterThan(0.1);
    expect(axisRange(0, 0, 'linear')).toEqual([0, 1]);
    expect(axisRange(null, null, 'log')).toEqual([1, 10]);
  });

  test('only positive values have a place on a log scale', () => {
    expect([0, -1, null].map((value) => positionOf(value, [1, 100], 'log'))).toEqual([null, null, null]);
    expect(positionOf(10, [1, 100], 'log')).toBeCloseTo(0.5);
    expect(boundsOf([0, -3, 2, null, 8], 'log')).toEqual([2, 8]);
  });

  test('the nearest entry of a list is found', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.integer({ min: 0, max: 500 }), { minLength: 1 }), finite, (all, value) => {
        const sorted = all.toSorted((a, b) => a - b);
        const distance = Math.min(...sorted.map((each) => Math.abs(each - value)));
        expect(Math.abs(sorted[nearestIndex(sorted, value)] - value)).toBe(distance);
      }),
    );
  });
});

test('numbers are written one way everywhere', () => {
  expect([0, 1.23456, -0.5, 123456, 0.00012, null].map((value) => formatNumber(value))).toEqual([
    '0',
    '1.23',
    '−0.500',
    '1.23 × 10⁵',
    '1.20 × 10⁻⁴',
    '–',
  ]);
  expect(formatWith(0.084, '%')).toBe('8.4 %');
  expect(formatWith(12, 's')).toBe('12 s');
  expect(formatBytes(8.9 * 2 ** 20)).toBe('8.90 MiB');
  expect([41, 150, 3900, 100_000].map(formatDuration)).toEqual(['41 s', '2 min 30 s', '1 h 05 min', '1 d 03 h']);
});

describe('colours', () => {
  test('grow evenly lighter, so that the map reads in grey', () => {
    const lightness = Array.from({ length: 51 }, (_, i) => {
      const [red, green, blue] = colourAt(i / 50).map((part) => (part / 255) ** 2.2);
      return Math.cbrt(0.2126 * red + 0.7152 * green + 0.0722 * blue);
    });
    const rises = lightness.slice(1).map((value, i) => value - lightness[i]);
    expect(Math.min(...rises)).toBeGreaterThan(0);
    expect(Math.max(...rises)).toBeLessThan((3 * (lightness.at(-1)! - lightness[0])) / 50);
  });

  test('what was not measured has none', () => {
    const pixels = new Uint8ClampedArray(8).fill(9);
    writeColour(pixels, 0, null);
    writeColour(pixels, 4, 0);
    expect([...pixels]).toEqual([0, 0, 0, 0, 68, 1, 84, 255]);
  });

  test('the ends of the colours are round and hold all values', () => {
    fc.assert(
      fc.property(
        fc.double({ min: 1e-9, max: 1e6, noNaN: true }),
        fc.double({ min: 1, max: 1e6, noNaN: true }),
        (low, factor) => {
          const [from, to] = colourDomain(low, low * factor, 'log');
          expect(from).toBeLessThanOrEqual(low * 1.00001);
          expect(to).toBeGreaterThanOrEqual(low * factor * 0.99999);
          for (const end of [from, to]) expect(['1', '2', '5']).toContain(end.toExponential(3)[0]);
        },
      ),
    );
    expect(colourDomain(0.0012, 0.13, 'log')).toEqual([0.001, 0.2]);
  });
});

describe('zooming', () => {
  test('stays inside of what there is, and to see everything is no zoom', () => {
    expect(within([-5, 20], [1, 100])).toEqual([1, 26]);
    expect(within([90, 120], [1, 100])).toEqual([70, 100]);
    expect(within([50.2, 50.3], [1, 100])).toEqual([50, 51]);
    expect(within([0, 200], [1, 100])).toBeNull();
  });
});

const chart: LineChart = {
  id: 'reward',
  title: 'Reward <b>"&',
  axis: 'Reward',
  columns: { first: [1, 3, 4], last: [2, 3, 4] },
  lines: [
    {
      id: 'reward',
      label: '=SUM(A1), "mean"\nof <script>alert(1)</script>',
      unit: 's',
      colour: 1,
      values: [1.5, null, 0.1 + 0.2],
      band: { label: 'range', low: [1, null, -1], high: [2, null, 4] },
    },
    { id: 'evaluation', label: 'Evaluation', unit: '', colour: 2, values: [7, 8], at: [0, 4] },
  ],
  levels: [{ value: 9, label: 'Flawless' }],
};

const map: HeatMap = {
  ...{ id: 'heat', title: 'Norm', value: 'norm', unit: '' },
  columns: { first: [1, 3], last: [2, 3] },
  steps: [0, 5],
  cells: [
    [0.1, null],
    [1, 10],
  ],
};

describe('tables and files', () => {
  test('a table has every value of a line chart, with points that lie elsewhere in rows of their own', () => {
    const { headings, rows } = lineTable(chart);
    expect(headings).toHaveLength(6);
    expect(rows).toEqual([
      [0, 0, null, null, null, 7],
      [1, 2, 1.5, 1, 2, null],
      [3, 3, null, null, null, null],
      [4, 4, 0.1 + 0.2, -1, 4, 8],
    ]);
    expect(heatTable(map)).toEqual({
      headings: ['First iteration', 'Last iteration', 'Step 0', 'Step 5'],
      rows: [
        [1, 2, 0.1, 1],
        [3, 3, null, 10],
      ],
    });
  });

  test('a CSV file read back is the table, to the last bit; a name that a spreadsheet would run is a text', () => {
    const table = lineTable(chart);
    const [headings, ...rows] = parse(csvOf(table)) as string[][];
    expect(headings[2]).toBe(`'${table.headings[2]}`);
    expect(headings.slice(3)).toEqual(
      table.headings.slice(3).map((each) => (each.startsWith('=') ? `'${each}` : each)),
    );
    expect(rows.map((row) => row.map((cell) => (cell === '' ? null : Number(cell))))).toEqual(table.rows);
  });

  test('an SVG file draws lines, bands, points and levels, and hostile names stay text', () => {
    const svg = lineChartSvg(chart, 'linear');
    expect(svg).toContain('Reward &lt;b&gt;&quot;&amp;');
    expect(svg).not.toContain('<script>');
    expect(svg.match(/<circle/g)).toHaveLength(1);
    expect(lineChartSvg(chart, 'linear', [0, 4]).match(/<circle/g)).toHaveLength(2);
    // A gap where nothing was measured: two parts of the line, two of the band.
    expect(svg.match(/<polyline/g)).toHaveLength(2);
    expect(svg.match(/<polygon/g)).toHaveLength(2);
    expect(svg).toContain('Flawless');
    expect(svg).not.toContain('NaN');
  });

  test('an SVG file of a heat map has a rectangle a measured cell, in its colour', () => {
    const svg = heatMapSvg(map, [0.1, 10], 'log');
    const cells = svg.slice(svg.indexOf('<g'), svg.indexOf('</g>')).match(/<rect[^>]*>/g)!;
    // Three measured cells and the 64 shades of the scale.
    expect(cells).toHaveLength(3 + 64);
    expect(cells[0]).toContain('fill="#440154"');
    expect(cells[2]).toContain('fill="#fde725"');
    expect(svg).not.toContain('<image');
  });

  test('columns of the same width are drawn together', () => {
    expect(segmentsOf({ first: [1, 3, 5, 6, 9], last: [2, 4, 5, 6, 9] })).toMatchObject([
      { from: 0, to: 2, first: 1, last: 4 },
      { from: 2, to: 4, first: 5, last: 6 },
      { from: 4, to: 5, first: 9, last: 9 },
    ]);
  });
});
