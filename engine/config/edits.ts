import { copyData, isBlock, splitPath, valueAt, type Block } from './data.ts';
import type { Edit } from './diagnostics.ts';

export { joinPath, splitPath } from './data.ts';

/**
 * Plain data with edits done to it, one after the other. The input is not changed; anything but a block of keys counts
 * as an empty one. An edit of a path that is not there does nothing, but for `set`, which makes the blocks above it.
 */
export function applyEdits(value: unknown, edits: readonly Edit[]): unknown {
  const root = isBlock(value) ? (copyData(value) as Block) : (Object.create(null) as Block);
  for (const edit of edits) applyEdit(root, edit);
  return root;
}

function applyEdit(root: Block, edit: Edit): void {
  const path = splitPath(edit.path);
  if (edit.kind === 'set') return setAt(root, path, copyData(edit.value));
  const value = valueAt(root, path);
  if (value === undefined) return;
  if (edit.kind === 'rename') return renameAt(root, path, edit.name);
  removeAt(root, path);
  if (edit.kind === 'move') setAt(root, splitPath(edit.to), value);
}

function setAt(root: Block, path: string[], value: unknown): void {
  let parent = root;
  for (const part of path.slice(0, -1)) {
    const child = Object.hasOwn(parent, part) ? parent[part] : undefined;
    // A list is entered by its indices, which are keys of it too.
    const entered = typeof child === 'object' && child !== null ? child : Object.create(null);
    parent[part] = entered;
    parent = entered as Block;
  }
  parent[path[path.length - 1]] = value;
}

function removeAt(root: Block, path: string[]): void {
  const parent = valueAt(root, path.slice(0, -1));
  if (Array.isArray(parent)) parent.splice(Number(path.at(-1)), 1);
  else delete (parent as Block)[path[path.length - 1]];
}

/** The key stays where it stands among the others; one that already has the name gives way. */
function renameAt(root: Block, path: string[], name: string): void {
  const parent = valueAt(root, path.slice(0, -1));
  const old = path[path.length - 1];
  if (!isBlock(parent) || old === name) return;
  const entries = Object.entries(parent).filter(([key]) => key !== name);
  for (const key of Object.keys(parent)) delete parent[key];
  for (const [key, value] of entries) parent[key === old ? name : key] = value;
}
