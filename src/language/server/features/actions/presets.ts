import { analyseText } from '../../../../../engine/config/analyse.ts';
import type { Edit } from '../../../../../engine/config/diagnostics.ts';
import { listPresets, readPreset } from '../../../../../engine/config/presets.ts';
import { resolve } from '../../../../../engine/config/resolve.ts';
import type { Config } from '../../../../../engine/config/schema.ts';
import { readTree } from '../../../../../engine/config/tree.ts';
import { keyAt, rootKey, type KeyInfo } from '../../../../../engine/config/walk.ts';
import type { ConfigText } from '../../config-text.ts';
import { isBlock, splitPath, valueAt } from '../../../../../engine/config/data.ts';
import { same } from '../edits/same.ts';
import { draft, type Splice } from '../edits/draft.ts';
import { editText } from '../edits.ts';
import type { Offer } from './offer.ts';

type Block = Record<string, unknown>;

/** Keys that have one value, a prompt source and a window among them; without those that no config takes from another. */
function units(block: KeyInfo): KeyInfo[] {
  return block.children.flatMap((child) => {
    if (child.path === 'name' || child.path === 'extends') return [];
    return child.kind === 'block' && !child.nullable ? units(child) : [child];
  });
}

const keys = units(rootKey);

interface Base {
  name: string;
  /** What it hands on. */
  value: Block;
  config: Config;
}

let bases: Base[] | undefined;

/** The presets, which come with the program and do not change. */
function presets(): Base[] {
  return (bases ??= listPresets().map(({ name }) => {
    const { name: _own, ...value } = readTree(readPreset(name)).value as Block;
    return { name, value, config: resolve(value).config };
  }));
}

function differing(a: Config, b: Config): KeyInfo[] {
  return keys.filter(({ path }) => !same(valueAt(a, splitPath(path)), valueAt(b, splitPath(path))));
}

/** To a config from the preset that is nearest to it, and to one that extends another. */
export function presetOffers({ analysis }: ConfigText): Offer[] {
  const { config, tree, valid } = analysis;
  if (config === null || !valid || keyAt('extends') === null) return [];
  if (tree.places.has('extends')) return [{ title: 'Inline the base', kind: 'refactor.inline', deed: ['inline', ''] }];
  const near = nearest(config);
  const written = keys.filter(({ path }) => tree.places.has(path)).length;
  if (near === null || near.differ >= written) return [];
  const title = `Extract the difference from the preset ${near.name} (${near.differ} key${near.differ === 1 ? '' : 's'})`;
  return [{ title, kind: 'refactor.extract', deed: ['extract', near.name] }];
}

/** The preset from which a config differs in the fewest keys. */
export function nearest(config: Config): { name: string; differ: number } | null {
  const all = presets().map((base) => ({ name: base.name, differ: differing(config, base.config).length }));
  return all.toSorted((a, b) => a.differ - b.differ)[0] ?? null;
}

/** Rewrites a config as `extends: PRESET` and the keys that differ from it. */
export function extracted(config: ConfigText, name: string): Splice[] | null {
  const changed = differenceFrom(config, name);
  return changed !== null && saysTheSame(config, changed.text) ? changed.changes() : null;
}

/** As `extracted`, whether or not the result says the same. */
export function differenceFrom({ document, analysis }: ConfigText, name: string) {
  const base = presets().find((each) => each.name === name);
  const { config, tree } = analysis;
  if (base === undefined || config === null) return null;
  const kept = neededOver(base, config);
  const has = (path: string) => [...kept].some((each) => each === path || each.startsWith(`${path}.`));
  const gone = (block: KeyInfo): Edit[] =>
    block.children.flatMap(({ path, kind, nullable, ...child }): Edit[] => {
      if (!tree.places.has(path) || path === 'name' || path === 'extends') return [];
      if (!has(path)) return [{ kind: 'remove', path }];
      return kind === 'block' && !nullable ? gone({ path, kind, nullable, ...child }) : [];
    });
  const added = keys.filter(({ path }) => kept.has(path) && !tree.places.has(path));
  const edits: Edit[] = [
    ...added.map(({ path }): Edit => ({ kind: 'set', path, value: valueAt(config, splitPath(path)) })),
    { kind: 'set', path: 'extends', value: name },
  ];
  return inTurn(document.getText(), [{ edits: gone(rootKey), withComments: true }, { edits }]);
}

/** Steps of a change, each on the text of the one before. */
function inTurn(text: string, steps: { edits: Edit[]; withComments?: boolean }[]) {
  const all = draft(text);
  for (const { edits, withComments } of steps) {
    const changed = editText(all.text, edits, undefined, withComments);
    if (changed === null) return null;
    all.change(changed.changes());
  }
  return all;
}

/** Paths that must be written over a base so that a config is what it is. */
function neededOver(base: Base, config: Config): Set<string> {
  const needed = new Set<string>();
  for (let round = 0; round < 4; round++) {
    const value = structuredClone(JSON.parse(JSON.stringify(base.value))) as Block;
    for (const path of needed) put(value, splitPath(path), valueAt(config, splitPath(path)));
    const missing = differing(config, resolve(value).config);
    if (missing.length === 0) break;
    for (const { path } of missing) needed.add(path);
  }
  return needed;
}

function put(root: Block, path: readonly string[], value: unknown): void {
  let block = root;
  for (const part of path.slice(0, -1)) block = (isBlock(block[part]) ? block[part] : (block[part] = {})) as Block;
  block[path[path.length - 1]] = value;
}

/** Writes what a config takes from its base into it. */
export function inlined(config: ConfigText): Splice[] | null {
  const { document, analysis } = config;
  const { tree } = analysis;
  if (analysis.config === null || !isBlock(tree.value)) return null;
  const { extends: _base, ...own } = tree.value;
  const alone = resolve(own).config;
  const missing = new Set(differing(analysis.config, alone).map(({ path }) => path));
  for (const { path } of keys) if (analysis.originOf(path).kind === 'base') missing.add(path);
  const edits = written(rootKey, analysis.config, missing, (path) => tree.places.has(path));
  const all = inTurn(document.getText(), [{ edits: [{ kind: 'remove', path: 'extends' }] }, { edits }]);
  return all !== null && saysTheSame(config, all.text) ? all.changes() : null;
}

/** Sets what is missing, a block that is not there at once. */
function written(block: KeyInfo, config: Config, missing: ReadonlySet<string>, has: (path: string) => boolean): Edit[] {
  return block.children.flatMap((child): Edit[] => {
    const { path } = child;
    if (missing.has(path)) return [{ kind: 'set', path, value: valueAt(config, splitPath(path)) }];
    const isOpen = child.kind === 'block' && !child.nullable;
    const inner = isOpen ? units(child).filter((key) => missing.has(key.path)) : [];
    if (inner.length === 0) return [];
    if (has(path)) return written(child, config, missing, has);
    const value: Block = {};
    for (const key of inner)
      put(value, splitPath(key.path.slice(path.length + 1)), valueAt(config, splitPath(key.path)));
    return [{ kind: 'set', path, value }];
  });
}

/** Whether another text resolves to the same config, and is valid where this one is. */
function saysTheSame({ file, analysis }: ConfigText, text: string): boolean {
  const other = analyseText(text, { file: file ?? undefined, checkFiles: file !== null });
  return other.config !== null && same(other.config, analysis.config) && other.valid === analysis.valid;
}
