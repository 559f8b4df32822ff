/** Numbers as people read them: one way to write each kind, everywhere. */

/** Three significant digits; powers of ten where it is very small or large; `–` where there is none. */
export function formatNumber(value: number | null | undefined, digits = 3): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return '–';
  if (value === 0) return '0';
  const size = Math.abs(value);
  if (size >= 1e5 || size < 1e-3) {
    const [mantissa, exponent] = value.toExponential(digits - 1).split('e');
    return trueMinus(`${mantissa} × 10${superscript(Number(exponent))}`);
  }
  return trueMinus(size >= 10 ** digits ? Math.round(value).toString() : value.toPrecision(digits));
}

/** With its unit; the unit `%` takes a share. */
export function formatWith(value: number | null | undefined, unit: string): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return '–';
  if (unit === '%') return formatShare(value);
  if (unit === 'bytes') return formatBytes(value);
  const number =
    Number.isInteger(value) && Math.abs(value) < 1e5 && unit !== '' ? trueMinus(String(value)) : formatNumber(value);
  return unit === '' || unit === '×' ? `${number}${unit}` : `${number} ${unit}`;
}

/** A share as a percentage. */
export function formatShare(share: number): string {
  const percent = share * 100;
  return `${trueMinus(percent.toFixed(percent !== 0 && Math.abs(percent) < 10 ? 1 : 0))} %`;
}

/** `1 h 04 min`, `2 min 30 s`, `41 s`. */
export function formatDuration(seconds: number): string {
  const whole = Math.round(seconds);
  const pad = (value: number) => String(value).padStart(2, '0');
  if (whole >= 86400) return `${Math.floor(whole / 86400)} d ${pad(Math.floor((whole % 86400) / 3600))} h`;
  if (whole >= 3600) return `${Math.floor(whole / 3600)} h ${pad(Math.floor((whole % 3600) / 60))} min`;
  if (whole >= 60) return `${Math.floor(whole / 60)} min ${pad(whole % 60)} s`;
  return `${whole} s`;
}

/** In powers of 1024, as file managers do. */
export function formatBytes(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  const power = Math.min(units.length - 1, bytes < 1 ? 0 : Math.floor(Math.log(bytes) / Math.log(1024)));
  return `${power === 0 ? bytes : formatNumber(bytes / 1024 ** power)} ${units[power]}`;
}

/** ISO 8601 as date and time of the reader's place. */
export function formatTime(iso: string): string {
  const time = new Date(iso);
  if (Number.isNaN(time.getTime())) return iso;
  const pad = (value: number) => String(value).padStart(2, '0');
  const date = `${time.getFullYear()}-${pad(time.getMonth() + 1)}-${pad(time.getDate())}`;
  return `${date} ${pad(time.getHours())}:${pad(time.getMinutes())}:${pad(time.getSeconds())}`;
}

/** `iteration 7`, or `iterations 7 to 9` where a column holds several. */
export function iterationsText(first: number, last: number): string {
  return first === last ? `iteration ${first}` : `iterations ${first} to ${last}`;
}

export function trueMinus(text: string): string {
  return text.replace('-', '−');
}

/** A whole number as an exponent. */
export function superscript(exponent: number): string {
  return [...String(exponent)].map((sign) => (sign === '-' ? '⁻' : '⁰¹²³⁴⁵⁶⁷⁸⁹'[Number(sign)])).join('');
}
