import type { Fix } from './diagnostics.ts';
import { splitPath } from './data.ts';
import { escapeControls, flowText, quote } from './text.ts';

/** A path as a title shows it. */
function shown(path: string): string {
  return escapeControls(path.length > 80 ? `${path.slice(0, 80)}…` : path);
}

/** Writes a value. `note` ends the title, as in "(the default)". */
export function setKey(path: string, value: unknown, note = ''): Fix {
  const text = flowText(value);
  const what = text.length > 70 ? `${text.slice(0, 70)}…` : text;
  return { title: `Set ${shown(path)} to ${what}${note && ` ${note}`}`, edits: [{ kind: 'set', path, value }] };
}

/** Writes several values that only do together. */
export function setKeys(...values: [path: string, value: unknown][]): Fix {
  const said = values.map(([path, value]) => `${shown(path)} to ${flowText(value)}`);
  const edits = values.map(([path, value]) => ({ kind: 'set' as const, path, value }));
  return { title: `Set ${said.join(' and ')}`, edits };
}

export function renameKey(path: string, name: string): Fix {
  const old = quote(splitPath(path).at(-1) ?? '');
  return { title: `Change ${old} to ${name}`, edits: [{ kind: 'rename', path, name }] };
}

export function moveKey(path: string, to: string): Fix {
  return { title: `Move ${shown(path)} to ${to}`, edits: [{ kind: 'move', path, to }] };
}

/** Removes a key. `note` ends the title, as in "(the default is 10)". */
export function removeKey(path: string, note = ''): Fix {
  return { title: `Remove ${shown(path)}${note && ` ${note}`}`, edits: [{ kind: 'remove', path }] };
}

/**
 * Marks a fix as one that needs no choice. A rule may mark several, the most likely first: an analysis tries them and
 * leaves the mark on the first that makes no other mistake.
 */
export function likely(fix: Fix): Fix {
  return { ...fix, preferred: true };
}
