import { philox4x32 } from '../../engine/method/random.ts';

export function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** Quantile by linear interpolation between order statistics (Hyndman & Fan 1996, type 7). */
export function quantile(values: readonly number[], share: number): number {
  if (values.length === 0) return Number.NaN;
  const sorted = values.toSorted((a, b) => a - b);
  const place = share * (sorted.length - 1);
  const below = Math.floor(place);
  const above = Math.min(below + 1, sorted.length - 1);
  return sorted[below] + (place - below) * (sorted[above] - sorted[below]);
}

export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

/** A measured quantity over its rounds. */
export interface Spread {
  median: number;
  min: number;
  max: number;
}

export function spread(values: readonly number[]): Spread {
  return { median: median(values), min: Math.min(...values), max: Math.max(...values) };
}

/** Uniform numbers in [0, 1) from Philox; the same seed gives the same numbers on every machine. */
export function uniforms(seed: number): () => number {
  const key = Uint32Array.of(seed >>> 0, 0);
  const words = new Uint32Array(4);
  let drawn = 0;
  return () => {
    if (drawn % 4 === 0) philox4x32(Uint32Array.of(drawn / 4, 0, 0, 0), key, words);
    return words[drawn++ % 4] * 2 ** -32;
  };
}

/** A mean with a 95 % interval; the interval is null for fewer than two values, which cannot give one. */
export interface Estimate {
  mean: number;
  low: number | null;
  high: number | null;
  count: number;
}

/**
 * Mean with its 95 % percentile bootstrap interval (Efron & Tibshirani 1993, chapter 13), seeded. With five values the
 * interval is known to be somewhat too narrow.
 */
export function bootstrapMean(values: readonly number[], resamples = 10_000, seed = 1): Estimate {
  const count = values.length;
  if (count < 2) return { mean: mean(values), low: null, high: null, count };
  const uniform = uniforms(seed);
  const means = Array.from({ length: resamples }, () => {
    let sum = 0;
    for (let i = 0; i < count; i++) sum += values[Math.floor(uniform() * count)];
    return sum / count;
  });
  return { mean: mean(values), low: quantile(means, 0.025), high: quantile(means, 0.975), count };
}

/**
 * Mean difference `first − second` over the keys that both have, with its bootstrap interval: pairs are resampled, so
 * what a seed does to both cancels.
 */
export function pairedDifference(
  first: ReadonlyMap<number, number>,
  second: ReadonlyMap<number, number>,
  resamples = 10_000,
  seed = 1,
): Estimate {
  const differences = [...first].flatMap(([key, value]) => (second.has(key) ? [value - second.get(key)!] : []));
  return bootstrapMean(differences, resamples, seed);
}

/** Largest over smallest of positive values; null where fewer than two are known. Zeros (dead groups) say nothing. */
export function imbalance(norms: readonly (number | null)[]): number | null {
  const known = norms.filter((norm) => norm !== null && Number.isFinite(norm) && norm > 0) as number[];
  return known.length < 2 ? null : Math.max(...known) / Math.min(...known);
}
