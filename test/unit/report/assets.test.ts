import { readdirSync } from 'node:fs';
import { Script } from 'node:vm';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { readAssets } from '../../../engine/report/assets.ts';

const folder = new URL('../../../engine/report/assets/', import.meta.url);
interface Scale {
  linearTicks(low: number, high: number, wanted?: number): number[];
  logTicks(low: number, high: number, wanted?: number): number[];
  axisRange(values: (number | null)[], scale: 'linear' | 'log'): [number, number];
  formatTicks(ticks: number[]): string[];
  nearestIndex(sorted: number[], value: number): number;
}
let scale: Scale;
let colourOf: (share: number) => number[];

beforeAll(async () => {
  scale = (await import(new URL('scale.js', folder).href)) as Scale;
  ({ colourOf } = (await import(new URL('heatmap.js', folder).href)) as { colourOf: typeof colourOf });
});

describe('the script of the report', () => {
  it('joins all of its parts into one that parses, with no name twice', () => {
    const { script } = readAssets();
    expect(script).not.toMatch(/^(import|export)\b/m);
    // In a strict block, as in a module, a second declaration of a name is a syntax error.
    expect(() => new Script(`'use strict'; { ${script} }`)).not.toThrow();
    const parts = readdirSync(folder).filter((name) => name.endsWith('.js'));
    expect(parts.length).toBe(6);
    expect(script).not.toContain('innerHTML');
  });
});

describe('axes', () => {
  it('have round ticks within any range', () => {
    const range = fc
      .tuple(fc.double({ min: -1e6, max: 1e6, noNaN: true }), fc.double({ min: 1e-6, max: 1e6, noNaN: true }))
      .map(([low, span]): [number, number] => [low, low + span])
      .filter(([low, high]) => high - low > 1e-9 * Math.abs(low));
    fc.assert(
      fc.property(range, ([low, high]) => {
        const ticks = scale.linearTicks(low, high);
        expect(ticks.length).toBeGreaterThan(1);
        expect(ticks.length).toBeLessThan(12);
        const slack = (high - low) * 1e-6;
        for (const tick of ticks) expect(tick >= low - slack && tick <= high + slack).toBe(true);
      }),
    );
  });

  it('on a logarithmic scale have powers of ten, and more when the range is short', () => {
    expect(scale.logTicks(1e-6, 1e-2)).toEqual([1e-6, 1e-5, 1e-4, 1e-3, 1e-2]);
    expect(scale.logTicks(2, 90)).toEqual([2, 5, 10, 20, 50]);
    expect(scale.logTicks(1e-12, 1, 4).length).toBeLessThan(6);
  });

  it('hold all values, also a single one or none', () => {
    expect(scale.axisRange([null], 'linear')).toEqual([0, 1]);
    for (const kind of ['linear', 'log'] as const) {
      const [low, high] = scale.axisRange([0.3, null, 0.7, 0.3], kind);
      expect(low < 0.3 && high > 0.7).toBe(true);
      const [least, most] = scale.axisRange([5], kind);
      expect(least < 5 && most > 5).toBe(true);
    }
  });

  it('write all ticks in one way', () => {
    expect(scale.formatTicks([1e-4, 1e-3, 1e-2])).toEqual(['10⁻⁴', '10⁻³', '10⁻²']);
    expect(scale.formatTicks([0, 0.5, 1])).toEqual(['0', '0.5', '1']);
  });

  it('find the nearest iteration', () => {
    expect([-5, 1.4, 1.6, 40].map((value) => scale.nearestIndex([0, 1, 2, 10], value))).toEqual([0, 1, 2, 3]);
    expect(scale.nearestIndex([7], 3)).toBe(0);
  });
});

describe('the colours of a heat map', () => {
  it('grow lighter all the way, so that they also read in grey', () => {
    const light = ([r, g, b]: number[]) => 0.2126 * r + 0.7152 * g + 0.0722 * b;
    const shades = Array.from({ length: 101 }, (_, i) => light(colourOf(i / 100)));
    for (let i = 1; i < shades.length; i++) expect(shades[i]).toBeGreaterThanOrEqual(shades[i - 1]);
    expect(shades[100] - shades[0]).toBeGreaterThan(150);
  });
});
