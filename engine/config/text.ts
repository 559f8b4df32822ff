/** Characters that would move the cursor, hide or reorder text on a terminal or in a browser. */
const unsafe = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu;
const named: Record<string, string> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' };

/** Text with control and invisible characters written as escapes, so that it can be shown anywhere. */
export function escapeControls(text: string): string {
  return text.replace(unsafe, (c) => named[c] ?? `\\u{${c.codePointAt(0)?.toString(16)}}`);
}

/** Text of a user in quotes, as a message shows it: one line, escaped, at most `limit` characters. */
export function quote(text: string, limit = 60): string {
  const characters = [...text.slice(0, limit * 2 + 2)];
  const cut = characters.length > limit || text.length > limit * 2 + 2;
  const shown = escapeControls(characters.slice(0, limit).join(''));
  return cut ? `"${shown}…" (${text.length.toLocaleString('en-US')} characters)` : `"${shown}"`;
}

/** A config value as a message shows it, such as `"abc"`, `3`, `true`, `a list of 3`. */
export function showValue(value: unknown): string {
  if (typeof value === 'string') return quote(value);
  if (value === null || value === undefined) return 'empty';
  if (Array.isArray(value)) return `a list of ${value.length}`;
  if (typeof value === 'object') return 'a block of keys';
  return showNumber(value);
}

function showNumber(value: unknown): string {
  if (typeof value !== 'number') return String(value);
  if (Number.isNaN(value)) return '.nan';
  return Math.abs(value) === Infinity ? (value > 0 ? '.inf' : '-.inf') : String(value);
}

/** `a, b or c`. */
export function oneOf(words: readonly unknown[], last = 'or'): string {
  const shown = words.map(String);
  return shown.length < 2 ? shown.join('') : `${shown.slice(0, -1).join(', ')} ${last} ${shown.at(-1)}`;
}

/** A value as YAML on one line, as remedies write it: `{first: 0, last: 9}`, `[a, b]`, `"12"`. */
export function flowText(value: unknown): string {
  if (typeof value === 'string') return plainText(value) ? value : JSON.stringify(escapeControls(value));
  if (Array.isArray(value)) return `[${value.map(flowText).join(', ')}]`;
  if (value === null || typeof value !== 'object') return showNumber(value);
  return `{${Object.entries(value)
    .map(([name, child]) => `${name}: ${flowText(child)}`)
    .join(', ')}}`;
}

/** Whether YAML reads the text as that text without quotes, also between brackets. */
function plainText(text: string): boolean {
  return /^[\p{L}/.][\p{L}\p{N} ._/\\+-]*$/u.test(text) && !/ $|^\.|^(null|true|false|yes|no|on|off|y|n)$/i.test(text);
}
