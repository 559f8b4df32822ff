import { formatNumber } from '../charts/numbers.ts';

/** With its sign: `+1.84`, `−0.98`, `±0`. */
export function signed(value: number | null): string {
  if (value === null) return '–';
  return value > 0 ? `+${formatNumber(value)}` : value === 0 ? '±0' : formatNumber(value);
}

/** A moment of a video: `0.625 s`. */
export function moment(seconds: number): string {
  return `${seconds.toFixed(3)} s`;
}
