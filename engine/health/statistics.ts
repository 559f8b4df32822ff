/** Middle value; the mean of the two in the middle for an even number. null for none. */
export function medianOf(values: readonly number[]): number | null {
  if (values.length === 0) return null;
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** A straight line through values over a run or a part of it. */
export interface Trend {
  /** Iterations that it covers, and the first and last of them. */
  iterations: number;
  first: number;
  last: number;
  /** Values of the line at both ends, and their difference. */
  start: number;
  end: number;
  gain: number;
  /** Standard error of `gain`. */
  error: number;
}

/** A mean over `n` iterations at place `x` of the run, counted in iterations. */
export interface Point {
  x: number;
  y: number;
  n: number;
  first: number;
  last: number;
}

const fewestPoints = 8;

/** Least squares, points weighed by their iterations; null for fewer than eight points or values out of range. */
export function trendOf(points: readonly Point[]): Trend | null {
  if (points.length < fewestPoints) return null;
  let [n, sumX, sumY] = [0, 0, 0];
  for (const point of points) {
    n += point.n;
    sumX += point.n * point.x;
    sumY += point.n * point.y;
  }
  const [middleX, middleY] = [sumX / n, sumY / n];
  let [squares, products] = [0, 0];
  for (const { x, y, n: weight } of points) {
    squares += weight * (x - middleX) ** 2;
    products += weight * (x - middleX) * (y - middleY);
  }
  const slope = products / squares;
  let residuals = 0;
  for (const { x, y, n: weight } of points) residuals += weight * (y - middleY - slope * (x - middleX)) ** 2;
  const [from, to] = [points[0], points[points.length - 1]];
  const span = to.x - from.x;
  const error = Math.sqrt(residuals / (points.length - 2) / squares) * span;
  if (!Number.isFinite(slope) || !Number.isFinite(error)) return null;
  const at = (x: number) => middleY + slope * (x - middleX);
  return {
    iterations: points.reduce((sum, point) => sum + point.n, 0),
    ...{ first: from.first, last: to.last },
    ...{ start: at(from.x), end: at(to.x), gain: slope * span, error },
  };
}

/**
 * Whether values are surely higher after some place than before it: a rise that a line through a long plateau does not show.
 * Places are half of the points, a quarter, and so on.
 */
export function hasStepUp(points: readonly Point[], times: number): boolean {
  for (let at = points.length >> 1; at >= 1; at >>= 1) {
    const [before, after] = [momentsOf(points.slice(0, at)), momentsOf(points.slice(at))];
    const freedom = points.length - 2;
    if (freedom < fewestPoints) return false;
    const variance = (before.squares + after.squares) / freedom;
    if (after.mean - before.mean > times * Math.sqrt(variance * (1 / before.n + 1 / after.n))) return true;
  }
  return false;
}

/** Weight, mean, and weighted sum of squares about the mean. */
function momentsOf(points: readonly Point[]): { n: number; mean: number; squares: number } {
  const n = points.reduce((sum, point) => sum + point.n, 0);
  const mean = points.reduce((sum, point) => sum + point.n * point.y, 0) / n;
  return { n, mean, squares: points.reduce((sum, point) => sum + point.n * (point.y - mean) ** 2, 0) };
}

/** Whether a trend differs from none by `times` its standard error, in the direction of `sign`. */
export function isSure(trend: Trend, sign: 1 | -1, times: number): boolean {
  return sign * trend.gain > times * trend.error;
}

/**
 * Lower end of Wilson's interval of a share (Wilson 1927), `z` standard deviations wide.
 * @param hits of `total` trials
 */
export function leastShare(hits: number, total: number, z: number): number {
  if (total === 0) return 0;
  const share = hits / total;
  const centre = share + (z * z) / (2 * total);
  const spread = z * Math.sqrt((share * (1 - share)) / total + (z * z) / (4 * total * total));
  return (centre - spread) / (1 + (z * z) / total);
}
