/** A number for people: at most three significant digits, such as `0.5`, `2.65`, `1e-4`. */
export function figure(value: number, digits = 3): string {
  if (value === 0) return '0';
  const size = Math.abs(value);
  if (size >= 1e6 || size < 1e-3) return value.toExponential(digits - 1).replace(/\.?0*e\+?/, 'e');
  if (size >= 10 ** digits) return count(Math.round(value));
  const shown = value.toPrecision(digits);
  return shown.includes('.') ? shown.replace(/\.?0+$/, '') : shown;
}

/** A whole number with its thousands apart. */
export function count(value: number): string {
  return value.toLocaleString('en-US');
}

/** `1 video`, `2 videos`. */
export function countOf(value: number, noun: string, plural = `${noun}s`): string {
  return `${count(value)} ${value === 1 ? noun : plural}`;
}

/** `a`, `a and b`, `a, b and c`. */
export function listOf(words: readonly (string | number)[]): string {
  const shown = words.map((word) => (typeof word === 'number' ? count(word) : word));
  return shown.length < 2 ? shown.join('') : `${shown.slice(0, -1).join(', ')} and ${shown.at(-1)}`;
}

/** Ascending whole numbers in stretches: `0–8`, `0, 2–4`. */
export function stretches(numbers: readonly number[]): string {
  const found: [first: number, last: number][] = [];
  for (const n of numbers) {
    const current = found.at(-1);
    if (current !== undefined && current[1] === n - 1) current[1] = n;
    else found.push([n, n]);
  }
  return found.map(([first, last]) => (first === last ? String(first) : `${first}–${last}`)).join(', ');
}

/** `step 3`, `steps 0–8`. */
export function stepsText(steps: readonly number[]): string {
  return `step${steps.length === 1 ? '' : 's'} ${stretches(steps)}`;
}
