import { formatNumber, iterationsText } from './numbers.ts';

/** What a chart shows, apart from how: drawn on screen, listed as a table and written to files from the same data. */

export type Values = readonly (number | null)[];

/** Columns of one or several iterations each. */
export interface Columns {
  first: readonly number[];
  last: readonly number[];
}

export interface Line {
  id: string;
  label: string;
  /** `''`: none; `%`: values are shares. */
  unit: string;
  values: Values;
  /** Of points that do not lie in the chart's columns: where they lie, ascending. They are drawn as points. */
  at?: readonly number[];
  /** Drawn faintly around the line. */
  band?: { label: string; low: Values; high: Values };
  /** Drawn faintly behind the line: what it was before smoothing. */
  raw?: Values;
  /** 1 to 6, of the theme. */
  colour: number;
  dashed?: boolean;
  /** Lengths of strokes and gaps in pixels, where more than one kind of dashes is needed. */
  dash?: readonly number[];
  axis?: 'left' | 'right';
}

export interface LineChart {
  id: string;
  title: string;
  /** What the values of the left axis, and of the right, are. */
  axis: string;
  rightAxis?: string;
  /** The values of the left axis are shares, shown as percentages. */
  share?: boolean;
  /** What the columns are: iterations unless said otherwise. */
  over?: 'iteration' | 'step' | 'update' | 'second';
  columns: Columns;
  lines: readonly Line[];
  /** Values worth a line across. */
  levels?: readonly { value: number; label: string }[];
  /** Iterations worth a mark. */
  marks?: { label: string; at: readonly number[] };
}

export interface HeatMap {
  id: string;
  title: string;
  /** What a cell's value is. */
  value: string;
  unit: string;
  columns: Columns;
  /** The explored steps, ascending. */
  steps: readonly number[];
  /** By row and column. */
  cells: readonly Values[];
}

/** What the axis across is called where it is not of iterations. */
export const overNames = { step: 'Step', update: 'Update', second: 'Seconds' } as const;

/** The pattern of a line; empty: none. */
export function dashOf({ dash, dashed }: Pick<Line, 'dash' | 'dashed'>): number[] {
  return dash ? [...dash] : dashed ? [6, 4] : [];
}

/** Where a column lies on the axis of iterations. */
export function centres({ first, last }: Columns): number[] {
  return first.map((from, i) => (from + last[i]) / 2);
}

/** What a column is called. */
export function columnText({ over, columns }: Pick<LineChart, 'over' | 'columns'>, column: number): string {
  const [first, last] = [columns.first[column], columns.last[column]];
  if (over === 'step') return `step ${first}`;
  if (over === 'update') return `update ${formatNumber(first)}`;
  return over === 'second' ? `${formatNumber(first)} s` : iterationsText(first, last);
}

/** Numbers in rows under headings. */
export interface Table {
  headings: readonly string[];
  rows: readonly (readonly (number | null)[])[];
}

function heading(label: string, unit: string): string {
  return unit === '' ? label : `${label} (${unit === '%' ? 'share' : unit})`;
}

/** All of a line chart: a row a column, and a row for each point that lies elsewhere. */
export function lineTable({ columns, lines, over }: LineChart): Table {
  const cells = lines.flatMap((line) => {
    const own = { label: heading(line.label, line.unit), values: line.raw ?? line.values, at: line.at };
    const smoothed = line.raw
      ? [{ label: heading(`${line.label}, smoothed`, line.unit), values: line.values, at: line.at }]
      : [];
    const band = line.band
      ? [
          { label: heading(`${line.label}, ${line.band.label}, low`, line.unit), values: line.band.low, at: line.at },
          { label: heading(`${line.label}, ${line.band.label}, high`, line.unit), values: line.band.high, at: line.at },
        ]
      : [];
    return [own, ...smoothed, ...band];
  });
  const rows = new Map<string, { first: number; last: number; cells: (number | null)[] }>();
  const rowAt = (first: number, last: number) => {
    const key = `${first} ${last}`;
    const known = rows.get(key) ?? { first, last, cells: cells.map(() => null) };
    rows.set(key, known);
    return known;
  };
  columns.first.forEach((first, i) => {
    const row = rowAt(first, columns.last[i]);
    cells.forEach(({ values, at }, j) => {
      if (!at) row.cells[j] = values[i] ?? null;
    });
  });
  cells.forEach(({ values, at }, j) =>
    at?.forEach((iteration, i) => {
      rowAt(iteration, iteration).cells[j] = values[i] ?? null;
    }),
  );
  const ordered = [...rows.values()].sort((a, b) => a.first - b.first || a.last - b.last);
  const labels = cells.map(({ label }) => label);
  if (over && over !== 'iteration')
    return { headings: [overNames[over], ...labels], rows: ordered.map((row) => [row.first, ...row.cells]) };
  return {
    headings: ['First iteration', 'Last iteration', ...labels],
    rows: ordered.map((row) => [row.first, row.last, ...row.cells]),
  };
}

/** All of a heat map: a row a column, a column a step. */
export function heatTable({ columns, steps, cells, unit }: HeatMap): Table {
  return {
    headings: ['First iteration', 'Last iteration', ...steps.map((k) => heading(`Step ${k}`, unit))],
    rows: columns.first.map((first, i) => [first, columns.last[i], ...cells.map((row) => row[i] ?? null)]),
  };
}
