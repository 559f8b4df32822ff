/** Numbers of estimates as a person reads them, rounded as far as an estimate is good for. */

/** `31 GiB`, `412 MiB`, `8.3 GiB`. */
export function bytesWords(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];
  let [value, unit] = [bytes, 0];
  while (value >= 1000 && unit < units.length - 1) [value, unit] = [value / 1024, unit + 1];
  return `${digits(value)} ${units[unit]}`;
}

/** `8.33 B`, `554,400`, `255 M`. */
export function countWords(count: number): string {
  if (count < 1e6) return Math.round(count).toLocaleString('en-US');
  return count < 1e9 ? `${significant(count / 1e6)} M` : `${significant(count / 1e9)} B`;
}

/** `243 TFLOP`. */
export function flopsWords(flops: number): string {
  const units = ['FLOP', 'kFLOP', 'MFLOP', 'GFLOP', 'TFLOP', 'PFLOP', 'EFLOP', 'ZFLOP'];
  let [value, unit] = [flops, 0];
  while (value >= 1000 && unit < units.length - 1) [value, unit] = [value / 1000, unit + 1];
  return `${digits(value)} ${units[unit]}`;
}

/** `0.48 s`, `58 s`, `1 min 55 s`, `12 min`, `3 h 20 min`, `9 days`. */
export function secondsWords(seconds: number): string {
  if (seconds < 100) return `${digits(seconds)} s`;
  const whole = Math.round(seconds);
  if (whole < 600) return `${Math.floor(whole / 60)} min${whole % 60 === 0 ? '' : ` ${whole % 60} s`}`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 100) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours >= 72) return `${Math.round(hours / 24)} days`;
  const rest = minutes % 60;
  return hours >= 10 || rest === 0 ? `${Math.round(minutes / 60)} h` : `${hours} h ${rest} min`;
}

/** Two significant digits below 10, whole numbers above. */
function digits(value: number): string {
  return value >= 10 || value === 0 ? String(Math.round(value)) : String(Number(value.toPrecision(2)));
}

function significant(value: number): string {
  return String(Number(value.toPrecision(3)));
}
