import { commandLines } from './advice.ts';
import { SageError, exitCodes } from '../errors.ts';
import type { Finding } from './doctor.ts';

/** Text of an error for a person: what is wrong, where, and what to do. */
export function errorText(error: unknown): string {
  if (!(error instanceof SageError)) {
    const detail = error instanceof Error ? (error.stack ?? error.message) : String(error);
    return `error: something went wrong inside sage-grpo\n${detail}\n  → Please report this text.`;
  }
  const { file, line, column, key } = error.place;
  const where = [file && [file, line, column].filter((part) => part !== undefined).join(':'), key].filter(Boolean);
  return [
    `error[${error.code}]: ${error.message}`,
    ...(where.length > 0 ? [`  at ${where.join(', ')}`] : []),
    ...(error.remedy ? [`  → ${error.remedy}`] : []),
    ...commandLines(error.advice),
  ].join('\n');
}

/** What to do about a finding, under the table. */
export function remedyText({ check, remedy, advice }: Finding): string {
  return ['', `${check}: ${remedy}`, ...commandLines(advice), ''].join('\n');
}

/** Exit code of an error. */
export function exitCodeOf(error: unknown): number {
  return error instanceof SageError ? error.exitCode : exitCodes.failed;
}

/** Lines of a table, columns aligned; numbers to the right. */
export function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = header.map((title, i) => Math.max(title.length, ...rows.map((row) => row[i].length)));
  const numeric = header.map((_, i) => rows.length > 0 && rows.every((row) => /^[-+]?[\d.,]*%?$|^—$/.test(row[i])));
  const format = (row: readonly string[]) =>
    row
      .map((cell, i) => (numeric[i] ? cell.padStart(widths[i]) : cell.padEnd(widths[i])))
      .join('  ')
      .trimEnd();
  return [format(header), ...rows.map(format)].join('\n');
}

/** A number for a person, `—` where there is none. */
export function figure(value: number | null | undefined, digits = 4): string {
  return value === null || value === undefined || !Number.isFinite(value) ? '—' : value.toFixed(digits);
}
