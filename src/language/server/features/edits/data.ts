import type { Edit } from '../../../../../engine/config/diagnostics.ts';

type Block = Record<string, unknown>;

export function isBlock(value: unknown): value is Block {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The parts of a dotted path; a part that itself has a dot is quoted. */
export function splitPath(path: string): string[] {
  const parts = path.match(/"(?:[^"\\]|\\.)*"(?=\.|$)|[^.]+/g) ?? [];
  return parts.map((part) => (/^".*"$/s.test(part) ? (JSON.parse(part) as string) : part));
}

/** The value at a path; undefined where there is none. */
export function valueAt(root: unknown, path: readonly string[]): unknown {
  return path.reduce<unknown>(
    (value, part) =>
      typeof value === 'object' && value !== null && Object.hasOwn(value, part) ? (value as Block)[part] : undefined,
    root,
  );
}

function copy(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(copy);
  if (!isBlock(value)) return value;
  const block: Block = Object.create(null);
  for (const [name, child] of Object.entries(value)) block[name] = copy(child);
  return block;
}

/**
 * What plain data is after some edits, one after the other. The input is not changed. An edit of a path that is not
 * there does nothing, but for `set`, which makes the blocks above it.
 */
export function edited(value: unknown, edits: readonly Edit[]): unknown {
  const root = (isBlock(value) ? copy(value) : Object.create(null)) as Block;
  for (const edit of edits) apply(root, edit);
  return root;
}

function apply(root: Block, edit: Edit): void {
  const path = splitPath(edit.path);
  if (edit.kind === 'set') return put(root, path, copy(edit.value));
  const value = valueAt(root, path);
  const parent = valueAt(root, path.slice(0, -1)) as Block | unknown[];
  const name = path[path.length - 1];
  if (value === undefined) return;
  if (Array.isArray(parent)) parent.splice(Number(name), 1);
  else delete parent[name];
  if (edit.kind === 'rename') (parent as Block)[edit.name] = value;
  if (edit.kind === 'move') put(root, splitPath(edit.to), value);
}

function put(root: Block, path: readonly string[], value: unknown): void {
  let parent = root;
  for (const part of path.slice(0, -1)) {
    const child = Object.hasOwn(parent, part) ? parent[part] : undefined;
    parent[part] = typeof child === 'object' && child !== null ? child : Object.create(null);
    parent = parent[part] as Block;
  }
  parent[path[path.length - 1]] = value;
}

/** Whether two pieces of plain data say the same; the order of keys says nothing. */
export function same(a: unknown, b: unknown): boolean {
  if (Array.isArray(a) && Array.isArray(b)) return a.length === b.length && a.every((item, i) => same(item, b[i]));
  if (!isBlock(a) || !isBlock(b)) return Object.is(a, b);
  const names = Object.keys(a);
  return (
    names.length === Object.keys(b).length && names.every((name) => Object.hasOwn(b, name) && same(a[name], b[name]))
  );
}

/** A dotted path of parts, as `splitPath` reads it. */
export function joinPath(parts: readonly string[]): string {
  return parts.map((part) => (/^$|[."\n]/.test(part) ? JSON.stringify(part) : part)).join('.');
}
