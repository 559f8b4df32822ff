/** One series of a chart. Colours and dashes follow `tone`; a name is always beside them. */
export interface Series {
  name: string;
  /** Iteration of each value. */
  x: number[];
  y: (number | null)[];
  /** Edges of the band around a line, or of an area. */
  low?: (number | null)[];
  high?: (number | null)[];
  /** `points`: few values, each marked; `area`: filled between `low` and `high`, as in a stack. */
  mark: 'line' | 'points' | 'area';
  /** Index into the palette, 0–4. */
  tone: number;
}

/** A chart over iterations, ready to be drawn. */
export interface LineChart {
  id: string;
  title: string;
  /** How to read it, in a sentence. */
  reading: string;
  scale: 'linear' | 'log';
  unit: string;
  series: Series[];
}

/** A map of timestep × iteration on a logarithmic colour scale. */
export interface HeatMap {
  id: string;
  title: string;
  reading: string;
  /** Iterations. */
  columns: number[];
  /** Steps k. */
  rows: number[];
  /** `[rows][columns]`; null where nothing was measured or the value is not above 0. */
  values: (number | null)[][];
  /** Smallest and largest value of the colour scale; maps that are to be compared share it. */
  domain: [number, number];
}

/** Six digits are more than a screen shows and a third of what JSON would write. */
export function rounded(value: number | null): number | null {
  return value === null || !Number.isFinite(value) ? null : Number(value.toPrecision(6));
}
