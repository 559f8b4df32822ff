/** Ranges, ticks and positions of axes: pure functions for charts on screen and in files. */
import { superscript, trueMinus } from './numbers.ts';

export type ScaleKind = 'linear' | 'log';
export type Range = [low: number, high: number];

/** Round values that divide a range into about `wanted` parts. */
export function linearTicks(low: number, high: number, wanted = 5): number[] {
  if (!(high > low)) return [low];
  const rough = (high - low) / wanted;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].find((factor) => factor * power >= rough * 0.999)! * power;
  const first = Math.ceil(low / step - 1e-9);
  const count = Math.floor(high / step + 1e-9) - first + 1;
  return Array.from({ length: Math.max(0, count) }, (_, i) => Number(((first + i) * step).toPrecision(12)));
}

/** Whole numbers that divide a range, for iterations. */
export function countTicks(low: number, high: number, wanted = 6): number[] {
  return linearTicks(low, high, Math.max(1, Math.min(wanted, high - low))).filter(Number.isInteger);
}

/** Powers of ten in a range, thinned to `wanted`; over few decades also values between them. */
export function logTicks(low: number, high: number, wanted = 6): number[] {
  if (!(low > 0) || !(high > low)) return [];
  const first = Math.floor(Math.log10(low) + 1e-9);
  const last = Math.ceil(Math.log10(high) - 1e-9);
  const decades = Math.log10(high / low);
  if (decades < 0.5) return linearTicks(low, high, wanted);
  const factors = decades <= 1.2 ? [1, 2, 3, 5] : decades <= 2.5 ? [1, 2, 5] : [1];
  const every = Math.max(1, Math.ceil((last - first) / wanted));
  const ticks: number[] = [];
  for (let power = first; power <= last; power += every)
    for (const factor of factors) ticks.push(Number(`${factor}e${power}`));
  return ticks.filter((tick) => tick >= low * 0.999 && tick <= high * 1.001);
}

export function ticksOf(kind: ScaleKind, [low, high]: Range, wanted = 5): number[] {
  return kind === 'log' ? logTicks(low, high, wanted) : linearTicks(low, high, wanted);
}

/** An axis that holds all values with a little room; from 0 on where that is near. Without values 0 to 1, or 1 to 10. */
export function axisRange(low: number | null, high: number | null, kind: ScaleKind): Range {
  if (low === null || high === null || !Number.isFinite(low) || !Number.isFinite(high))
    return kind === 'log' ? [1, 10] : [0, 1];
  if (kind === 'log') {
    const room = Math.max(1.15, (high / low) ** 0.06);
    return [low / room, high * room];
  }
  // Equal but for rounding: a flat line, not its rounding errors.
  const flat = high - low <= 1e-6 * Math.max(Math.abs(low), Math.abs(high));
  if (flat && high === 0) return [0, 1];
  const room = (flat ? Math.abs(high) * 5 : high - low) * 0.06;
  const from = low >= 0 && low - room < 0 ? 0 : low - room;
  return [low === 0 ? 0 : from, high + room];
}

/** Least and greatest of what was measured; only positive ones count on a log scale. */
export function boundsOf(values: Iterable<number | null | undefined>, kind: ScaleKind): [number | null, number | null] {
  let [low, high] = [Infinity, -Infinity];
  for (const value of values) {
    if (value === null || value === undefined || (kind === 'log' && value <= 0)) continue;
    if (value < low) low = value;
    if (value > high) high = value;
  }
  return low > high ? [null, null] : [low, high];
}

/** Maps a value of a range to [0, 1]; null where it has no place. */
export function positionOf(value: number | null | undefined, [low, high]: Range, kind: ScaleKind): number | null {
  if (value === null || value === undefined || (kind === 'log' && value <= 0)) return null;
  if (high === low) return 0.5;
  return kind === 'log' ? Math.log(value / low) / Math.log(high / low) : (value - low) / (high - low);
}

/** Labels of an axis, all with as many decimals as its steps need, or all as powers of ten; shares as percentages. */
export function tickLabels(ticks: readonly number[], share = false): string[] {
  if (share) return tickLabels(ticks.map((tick) => Number((100 * tick).toPrecision(12)))).map((label) => `${label} %`);
  const extreme = ticks.some((tick) => tick !== 0 && (Math.abs(tick) < 1e-3 || Math.abs(tick) >= 1e5));
  if (extreme) return ticks.map((tick) => (tick === 0 ? '0' : powerOfTen(tick)));
  const decimals = Math.max(0, ...ticks.map((tick) => (String(tick).split('.')[1] ?? '').length));
  const even = ticks.length > 2 && Math.abs(ticks[1] - ticks[0] - (ticks[2] - ticks[1])) < 1e-9;
  return ticks.map((tick) => (even ? tick.toFixed(Math.min(decimals, 4)) : String(tick)).replace('-', '−'));
}

function powerOfTen(value: number): string {
  const [mantissa, exponent] = value.toExponential().split('e');
  const power = `10${superscript(Number(exponent))}`;
  return trueMinus(mantissa === '1' ? power : `${Number(Number(mantissa).toPrecision(3))}×${power}`);
}

/** Index of the entry of an ascending list that is nearest to a value; −1 in an empty one. */
export function nearestIndex(sorted: readonly number[], value: number): number {
  if (sorted.length === 0) return -1;
  let [low, high] = [0, sorted.length - 1];
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (sorted[middle] < value) low = middle;
    else high = middle;
  }
  return value - sorted[low] <= sorted[high] - value ? low : high;
}
