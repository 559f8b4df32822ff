/** A number for people: `digits` significant digits, true minus sign, powers of ten where it is very small or large. */
export function formatNumber(value: number | null, digits = 3): string {
  if (value === null || !Number.isFinite(value)) return '–';
  if (value === 0) return '0';
  const size = Math.abs(value);
  if (size >= 1e5 || size < 1e-3) {
    const [mantissa, exponent] = value.toExponential(digits - 1).split('e');
    return `${signed(mantissa)} × 10${superscript(Number(exponent))}`;
  }
  if (size >= 10 ** digits) return signed(Math.round(value).toString());
  return signed(value.toPrecision(digits));
}

/** A share as a whole percentage; below 1 % with one decimal. */
export function formatPercent(share: number): string {
  const percent = share * 100;
  return `${signed(percent.toFixed(percent !== 0 && Math.abs(percent) < 1 ? 1 : 0))}\u00a0%`;
}

/** `1 h 04 min`, `2 min 30 s`, `41 s`. */
export function formatDuration(seconds: number): string {
  const whole = Math.round(seconds);
  const pad = (value: number) => String(value).padStart(2, '0');
  if (whole >= 3600) return `${Math.floor(whole / 3600)} h ${pad(Math.floor((whole % 3600) / 60))} min`;
  if (whole >= 60) return `${Math.floor(whole / 60)} min ${pad(whole % 60)} s`;
  return `${whole} s`;
}

function signed(text: string): string {
  return text.replace('-', '−');
}

function superscript(exponent: number): string {
  return [...String(exponent)].map((sign) => (sign === '-' ? '⁻' : '⁰¹²³⁴⁵⁶⁷⁸⁹'[Number(sign)])).join('');
}
