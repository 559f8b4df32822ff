/** A number for people: three significant digits. */
export function figure(value: number, digits = 3): string {
  if (value === 0) return '0';
  if (!Number.isFinite(value)) return 'not finite';
  const size = Math.abs(value);
  if (size >= 1e5 || size < 1e-3) return value.toExponential(digits - 1).replace('e+', 'e');
  return size >= 10 ** digits ? Math.round(value).toString() : value.toPrecision(digits);
}

/** A share as a whole percentage. */
export function percent(share: number): string {
  return `${Math.round(share * 100)} %`;
}

/** `iteration 7`, `iterations 7–12`. */
export function span(first: number, last: number): string {
  return first === last ? `iteration ${first}` : `iterations ${first}–${last}`;
}

/** `step 3`, `steps 1, 2 and 5`, with at most six of them named. */
export function stepList(steps: readonly number[]): string {
  const named = steps.slice(0, 6).map(String);
  if (named.length < steps.length) named.push(`${steps.length - named.length} more`);
  return `${steps.length === 1 ? 'step' : 'steps'} ${listOf(named)}`;
}

/** `a`, `a and b`, `a, b and c`. */
export function listOf(words: readonly string[]): string {
  return words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} and ${words.at(-1)}`;
}

/** `1 video`, `2 videos`. */
export function countOf(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

/** A foreign text, cut to what a finding has room for; control characters become spaces. */
export function quoted(text: string, longest = 160): string {
  const plain = text
    .slice(0, 4 * longest)
    .replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]+/g, ' ')
    .trim();
  const letters = [...plain];
  return letters.length > longest ? `${letters.slice(0, longest - 1).join('')}…` : plain;
}
