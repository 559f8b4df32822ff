import { parseDocument } from 'yaml';
import { escapeControls } from './text.ts';
import type { Diagnostic } from './diagnostics.ts';
import { joinPath, type Place, type Tree } from './tree.ts';

/**
 * Puts `path=value` flags into a tree, later ones last. The value is YAML (`0.3`, `null`, `[a, b]`, `{first: 0, last: 4}`).
 * Diagnostics about what a flag set will name the flag as their place.
 */
export function applyOverrides(tree: Tree, overrides: readonly string[]): void {
  for (const flag of overrides) {
    const problem = applyOne(tree, flag);
    if (problem !== null) tree.diagnostics.push(problem);
  }
}

function applyOne(tree: Tree, flag: string): Diagnostic | null {
  const equals = flag.indexOf('=');
  const path = flag.slice(0, Math.max(0, equals)).trim();
  const text = flag.slice(equals + 1);
  const shown = escapeControls(flag.length > 120 ? `${flag.slice(0, 120)}…` : flag);
  const whole: Place = { line: 1, column: 1, endLine: 1, endColumn: flag.length + 1, flag: shown };
  const refuse = (message: string, remedy: string): Diagnostic => ({
    severity: 'error',
    code: 'config/override',
    message,
    remedy,
    path,
    ...whole,
  });
  if (equals < 1 || path.split('.').some((part) => part === ''))
    return refuse(
      `"${shown}" does not say which key gets which value.`,
      'Write --set key=value, such as --set exploration.eta=0.3.',
    );
  if (text.trim() === '')
    return refuse(`--set ${path} has no value.`, `Write --set ${path}=value; null stands for no value.`);
  const document = parseDocument(text.trim(), { prettyErrors: false });
  if (document.errors.length > 0)
    return refuse(
      `The value of --set ${path} is not valid YAML.`,
      `Put text with special characters in quotes: --set '${path}="…"'.`,
    );
  const value = { ...whole, column: equals + 2 };
  // An alias has no anchor here, so that toJS cannot expand anything; it throws instead.
  try {
    set(tree, path.split('.'), document.toJS({ maxAliasCount: 0 }) as unknown, { key: whole, value });
  } catch {
    return refuse(`The value of --set ${path} cannot be used.`, 'Write a plain value, a list or a block in braces.');
  }
  return null;
}

function set(tree: Tree, path: string[], value: unknown, where: { key: Place; value: Place }): void {
  if (tree.value === undefined) return;
  let parent = tree.value as Record<string, unknown>;
  for (const part of path.slice(0, -1)) {
    const child = Object.hasOwn(parent, part) ? parent[part] : undefined;
    parent = (
      child !== null && typeof child === 'object' ? child : (parent[part] = Object.create(null))
    ) as typeof parent;
  }
  parent[path[path.length - 1]] = value;
  const name = joinPath(path);
  for (const known of tree.places.keys()) if (known.startsWith(`${name}.`)) tree.places.delete(known);
  for (let i = 1; i < path.length; i++) {
    const ancestor = joinPath(path.slice(0, i));
    if (!tree.places.has(ancestor)) tree.places.set(ancestor, where);
  }
  tree.places.set(name, where);
}
