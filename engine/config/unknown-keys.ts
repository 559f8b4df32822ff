import { closest, editDistance } from '../spelling.ts';
import { isBlock, joinPath, splitPath, valueAt } from './data.ts';
import type { Edit } from './diagnostics.ts';
import { likely, moveKey, removeKey, renameKey } from './fixes.ts';
import type { Finding, Path, Subject } from './issues.ts';
import { quote } from './text.ts';
import { flatten, keyAt, promptFileKeys, rootKey, type KeyInfo } from './walk.ts';

/** A key that the block does not have, and what was probably meant. */
export function unknownKey(parent: Path, name: string, { raw, own }: Subject): Finding {
  const block = parent.join('.');
  const children = keyAt(block)?.children ?? [];
  const names = children.length > 0 ? children.map((child) => child.name) : [...promptFileKeys];
  const path = joinPath([...parent, name]);
  const weights = block === 'reward.weights';
  const finding: Finding = {
    severity: 'error',
    code: weights ? 'config/unknown-component' : 'config/unknown-key',
    message: weights
      ? `The reward has no component ${quote(name)}.`
      : `There is no key ${quote(name)} in ${block === '' ? 'a config' : block}.`,
    remedy: `${weights ? 'Its components are' : 'Its keys are'} ${names.join(', ')}. Write one of them, or remove the line.`,
    fixes: [removeKey(path)],
    path,
    on: 'key',
  };
  if (block === '' && keyAt(name) !== null) return { ...finding, ...dotted(path, name, own) };
  const here = closest(name, names) ?? children.find((child) => isAlias(child, name))?.name ?? null;
  if (here !== null) return { ...finding, ...misspelt(parent, name, here, children, own) };
  const elsewhere = findElsewhere(name, valueAt(raw, [...parent, name]));
  return elsewhere === null ? finding : { ...finding, ...misplaced(path, elsewhere, own) };
}

type Answer = Pick<Finding, 'remedy' | 'fixes' | 'meant' | 'isGuess'>;

function dotted(path: string, name: string, own: unknown): Answer {
  const [outer, inner] = [name.slice(0, name.lastIndexOf('.')), name.slice(name.lastIndexOf('.') + 1)];
  if (valueAt(own, name.split('.')) !== undefined) return twice(path, name, own);
  const remedy = `Write it as a key of its block: \`${inner}: …\`, indented below \`${outer}:\`.`;
  return { remedy, fixes: [likely(moveKey(path, name))] };
}

function misspelt(parent: Path, name: string, here: string, children: KeyInfo[], own: unknown): Answer {
  const [path, meant] = [joinPath([...parent, name]), joinPath([...parent, here])];
  if (valueAt(own, [...parent, here]) !== undefined) return twice(path, meant, own);
  const called = children.some((child) => child.name === here && isAlias(child, name));
  const isGuess = editDistance(name, here) > 1 && !called;
  return { remedy: `Did you mean \`${here}\`?`, fixes: [likely(renameKey(path, here))], meant, isGuess };
}

function misplaced(path: string, elsewhere: string, own: unknown): Answer {
  if (valueAt(own, elsewhere.split('.')) !== undefined) return twice(path, elsewhere, own);
  return {
    remedy: `Did you mean \`${elsewhere}\`? It belongs there.`,
    fixes: [likely(moveKey(path, elsewhere)), removeKey(path)],
  };
}

/** What was meant is given as well: two blocks can be made one, of two values one has to go. */
function twice(path: string, meant: string, own: unknown): Answer {
  const [from, to] = [valueAt(own, splitPath(path)), valueAt(own, splitPath(meant))];
  const name = splitPath(meant).at(-1)!;
  if (isBlock(from) && isBlock(to) && Object.keys(from).every((key) => !Object.hasOwn(to, key))) {
    const moves = Object.keys(from).map((key): Edit => {
      const [inner, outer] = [path, meant].map((block) => joinPath([...splitPath(block), key]));
      return { kind: 'move', path: inner, to: outer };
    });
    const title = `Move what is in ${quote(splitPath(path).at(-1)!)} to ${meant}`;
    const fix = likely({ title, edits: [...moves, { kind: 'remove', path }] });
    return { remedy: `Did you mean \`${name}\`?`, fixes: [fix, removeKey(path)] };
  }
  const remedy = `Did you mean \`${meant}\`? That is given already; remove one of the two.`;
  return { remedy, fixes: [removeKey(path)] };
}

function isAlias(info: KeyInfo, name: string): boolean {
  return (info.meta.aliases ?? []).some((alias) => editDistance(alias, name) === 0);
}

/** The key of another block that has this name, or that other trainers call so, and that may hold the value. */
function findElsewhere(name: string, value: unknown): string | null {
  const all = flatten(rootKey).filter((info) => holds(info, value));
  const named = all.find((info) => editDistance(info.name, name) === 0) ?? all.find((info) => isAlias(info, name));
  if (named !== undefined) return named.path;
  const near = closest(
    name,
    all.map((info) => info.name),
  );
  return near === null ? null : (all.find((info) => info.name === near)?.path ?? null);
}

/** A block stands only where a block may, and no other value does. */
function holds(info: KeyInfo, value: unknown): boolean {
  if (info.kind === 'prompts' || value === null) return true;
  if (Array.isArray(value)) return false;
  return (info.kind === 'block') === isBlock(value);
}
