import type { Comparison, ComparisonRow, ConfigDifference } from '../run/compare.ts';
import { formatDuration, formatNumber } from './format.ts';

/** Longer config values are cut, so that the table stays one. */
const longestValue = 28;

/** Runs side by side for a terminal: results, then the config keys in which they differ. `--json` prints the whole. */
export function comparisonText({ rows, runs, differences }: Comparison): string {
  const names = runs.map((run) => run.id);
  const lines = [...resultTable(rows), ''];
  if (runs.length < 2) return lines.join('\n').trimEnd();
  if (differences.length === 0) lines.push('The configs are the same.');
  else lines.push(...differenceTable(names, differences));
  return lines.join('\n');
}

function resultTable(rows: ComparisonRow[]): string[] {
  const header = ['run', 'status', 'iterations', 'reward', 'change', 'best', 'distance', 'change', 'time'];
  const cells = rows.map(({ id, status, iterations, seconds, first, last, best, rewardGain, distanceChange }) => [
    id,
    status,
    String(iterations),
    span(first?.reward, last?.reward),
    signed(rewardGain),
    formatNumber(best?.reward ?? null),
    span(first?.distance, last?.distance),
    signed(distanceChange),
    formatDuration(seconds),
  ]);
  return alignColumns([header, ...cells], 2);
}

function differenceTable(names: string[], differences: ConfigDifference[]): string[] {
  const cells = differences.map(({ key, values }) => [key, ...values.map(shortValue)]);
  return alignColumns([['config', ...names], ...cells], names.length + 1);
}

function span(first: number | null | undefined, last: number | null | undefined): string {
  if (typeof first !== 'number' || typeof last !== 'number') return '–';
  return `${formatNumber(first)} → ${formatNumber(last)}`;
}

function signed(change: number | null): string {
  if (change === null) return '–';
  return `${change > 0 ? '+' : ''}${formatNumber(change)}`;
}

function shortValue(value: unknown): string {
  if (value === undefined) return '–';
  const text = typeof value === 'string' ? JSON.stringify(value).slice(1, -1) : JSON.stringify(value);
  return [...text].length <= longestValue ? text : `${[...text].slice(0, longestValue - 1).join('')}…`;
}

/** Pads cells to columns; those from `numbersFrom` on are set to the right. */
function alignColumns(rows: string[][], numbersFrom: number): string[] {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  return rows.map((row) =>
    row
      .map((cell, column) => (column >= numbersFrom ? cell.padStart(widths[column]) : cell.padEnd(widths[column])))
      .join('  ')
      .trimEnd(),
  );
}
