import type { Table } from './model.ts';

/** A table by RFC 4180. Numbers in full; nothing where nothing was measured; a text that a spreadsheet would run is quoted. */
export function csvOf({ headings, rows }: Table): string {
  return [headings.map(textCell), ...rows.map((row) => row.map((value) => (value === null ? '' : String(value))))]
    .map((cells) => `${cells.join(',')}\r\n`)
    .join('');
}

function textCell(text: string): string {
  const safe = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
