import { escapeControls } from '../../../engine/config/text.ts';

/** Characters of a text that are shown at most. */
const longest = 120;

/** What needs no care: no control character, no accent grave, no bar, no blank at an end. */
const plain = /^[!-_a-{}~]+( +[!-_a-{}~]+)*$/;

/** Text of a config as Markdown code: nothing in it is read as Markdown or HTML. */
export function code(text: string, limit = longest): string {
  if (text.length <= limit && plain.test(text)) return `\`${text}\``;
  const letters = [...text.slice(0, 4 * limit)];
  const cut = letters.length > limit || text.length > 4 * limit;
  const shown = escapeControls(cut ? `${letters.slice(0, limit - 1).join('')}…` : text).replaceAll('|', '∣');
  const fence = '`'.repeat(1 + Math.max(0, ...[...shown.matchAll(/`+/g)].map(([ticks]) => ticks.length)));
  const space = fence.length > 1 || shown === '' || /^ .* $/.test(shown) ? ' ' : '';
  return `${fence}${space}${shown}${space}${fence}`;
}

/** A value of a config as one would write it on a line: `0.5`, `null`, `{first: 0, last: 4}`, `a list of 16`. */
export function valueText(value: unknown): string {
  // Words of the schema, rather than prompts.
  if (Array.isArray(value) && value.every((word) => /^[a-z][a-z-]{0,19}$/.test(String(word))))
    return `[${value.join(', ')}]`;
  if (Array.isArray(value)) return `a list of ${value.length}`;
  if (typeof value === 'number') return numberText(value);
  if (value === null || typeof value !== 'object') return String(value);
  const fields = Object.entries(value).map(([name, field]) => `${name}: ${valueText(field)}`);
  return `{${fields.join(', ')}}`;
}

/** As people write it: `1e-4` and not `0.0001`. */
function numberText(value: number): string {
  const size = Math.abs(value);
  return size !== 0 && size < 1e-3 ? value.toExponential().replace('e+', 'e') : String(value);
}

/** A block of YAML, which nothing in it can end. */
export function yamlBlock(text: string): string {
  const ticks = [...text.matchAll(/`{3,}/g)].map(([run]) => run.length);
  const fence = '`'.repeat(Math.max(2, ...ticks) + 1);
  return `${fence}yaml\n${text}\n${fence}`;
}
