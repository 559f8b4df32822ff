import type { Point } from './statistics.ts';

/** Means of a run's observables over its whole length, in a bounded number of columns of equal width. */
export interface History {
  /** Adds an iteration; values that are null were not measured. Names beyond the first 96 are left out. */
  add(iteration: number, values: Iterable<readonly [string, number | null]>): void;
  /** Iterations added so far. */
  length(): number;
  /** Names in the order in which they came. */
  names(): string[];
  /** The columns in which `name` was measured, from place `from` (in iterations added) on. */
  points(name: string, from?: number): Point[];
}

interface Column {
  n: number;
  first: number;
  last: number;
  sums: number[];
  counts: number[];
}

const mostColumns = 256;
const mostNames = 96;

export function createHistory(): History {
  const ids = new Map<string, number>();
  let columns: Column[] = [];
  let width = 1;
  let length = 0;

  const newest = (iteration: number): Column => {
    const last = columns.at(-1);
    if (last && last.n < width) return last;
    if (columns.length === mostColumns) {
      columns = columns.flatMap((column, i) => (i % 2 === 1 ? [] : [joined(column, columns[i + 1])]));
      width *= 2;
    }
    columns.push({ n: 0, first: iteration, last: iteration, sums: [], counts: [] });
    return columns[columns.length - 1];
  };

  return {
    add(iteration, values) {
      const column = newest(iteration);
      column.n += 1;
      column.last = iteration;
      length += 1;
      for (const [name, value] of values) {
        if (value === null) continue;
        const id = ids.get(name) ?? (ids.size < mostNames ? ids.size : -1);
        if (id < 0) continue;
        ids.set(name, id);
        column.sums[id] = (column.sums[id] ?? 0) + value;
        column.counts[id] = (column.counts[id] ?? 0) + 1;
      }
    },
    length: () => length,
    names: () => [...ids.keys()],
    points(name, from = 0) {
      const id = ids.get(name);
      if (id === undefined) return [];
      const points: Point[] = [];
      let before = 0;
      for (const { n, first, last, sums, counts } of columns) {
        const count = counts[id] ?? 0;
        if (count > 0 && before >= from)
          points.push({ x: before + (n - 1) / 2, y: sums[id] / count, n: count, first, last });
        before += n;
      }
      return points;
    },
  };
}

function joined(a: Column, b: Column): Column {
  const add = (x: readonly number[], y: readonly number[]) =>
    Array.from({ length: Math.max(x.length, y.length) }, (_, i) => (x[i] ?? 0) + (y[i] ?? 0));
  return {
    n: a.n + b.n,
    ...{ first: a.first, last: b.last },
    ...{ sums: add(a.sums, b.sums), counts: add(a.counts, b.counts) },
  };
}
