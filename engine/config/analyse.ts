import { basename, dirname, resolve as absolute } from 'node:path';
import { createBaseReader, type Base } from './bases.ts';
import { checkValues, createPromptReader, preferFixes, type Checked } from './check.ts';
import { splitPath, valueAt } from './data.ts';
import { sortDiagnostics, type Diagnostic, type Edit, type Fix } from './diagnostics.ts';
import { nameFrom, type Finding } from './issues.ts';
import type { ModelName } from './key.ts';
import { applyOverrides } from './overrides.ts';
import type { Config } from './schema.ts';
import { quote } from './text.ts';
import { joinPath, readTree, start, type KeyPlace, type Place, type Tree } from './tree.ts';
import { keyAt } from './walk.ts';

export interface CheckOptions {
  /** The config's own path: names the run by default, and relative paths start from its folder. */
  file?: string;
  /** Whether files that the config names are read (default true). Without, a base is known only if it is a preset. */
  checkFiles?: boolean;
  /** `path=value`, each put over what the file says. */
  overrides?: readonly string[];
  /** Bytes free for runs; null: as many as they need. Left out, those beside the config, where files are checked. */
  freeBytes?: number | null;
}

/** Where a value comes from. */
export type Origin =
  | { kind: 'written'; place: KeyPlace }
  /** `place` is in `file`, the base that says it; `name` is what the base is called. */
  | { kind: 'base'; name: string; file: string; place: KeyPlace }
  /** `model`: the model whose own default it is; null for that of every model. */
  | { kind: 'default'; model: ModelName | null };

/** Everything that can be known of the text of a config, right or wrong. */
export interface ConfigAnalysis {
  /** As written: plain data, and where each path stands. */
  tree: Tree;
  /** What it extends, the nearest first. */
  bases: Base[];
  /** Every value filled in, refused ones by their defaults; null where the text cannot be read as a block of keys. */
  config: Config | null;
  /** Errors and warnings, in the order of the text. */
  diagnostics: Diagnostic[];
  /** Whether it can be run: there is no error. */
  valid: boolean;
  /** Where the value at a dotted path comes from. */
  originOf(path: string): Origin;
}

/** Reads, fills in and checks the text of a config. Never throws. */
export function analyseText(text: string, options: CheckOptions = {}): ConfigAnalysis {
  const tree = readTree(text);
  applyOverrides(tree, options.overrides ?? []);
  if (tree.value === undefined) return unread(tree);
  const { file, checkFiles = true } = options;
  const baseFolder = file === undefined ? process.cwd() : dirname(absolute(file));
  const surroundings = {
    ...{ baseFolder, checkFiles, freeBytes: options.freeBytes },
    name: file === undefined ? 'run' : nameFrom(basename(file).replace(/(\.sage)?\.ya?ml$/i, '')),
    bases: createBaseReader(file, checkFiles),
    readPrompts: createPromptReader(baseFolder),
  };
  const checked = checkValues(tree.value, surroundings);
  const { bases, resolved } = checked;
  for (const [meant, written] of resolved.renamed) {
    const place = tree.places.get(written);
    if (place !== undefined) tree.places.set(meant, place);
  }
  const flags = [...tree.places].filter(([, { value }]) => value.flag !== undefined).map(([path]) => path);
  const found = preferFixes(checked, surroundings, (fix) => canDo(fix, flags, checked));
  const diagnostics = sortDiagnostics([...tree.diagnostics, ...found.map((finding) => locate(finding, tree, checked))]);
  const valid = diagnostics.every((d) => d.severity !== 'error');
  const { config } = resolved;
  const originOf = (path: string) => findOrigin(path, tree, checked);
  return { tree, bases, config, diagnostics, valid, originOf };
}

function unread(tree: Tree): ConfigAnalysis {
  const diagnostics = sortDiagnostics(tree.diagnostics);
  const originOf = (): Origin => ({ kind: 'default', model: null });
  return { tree, bases: [], config: null, diagnostics, valid: false, originOf };
}

function findOrigin(path: string, tree: Tree, { merged, bases, resolved }: Checked): Origin {
  const own = tree.places.get(path);
  if (own !== undefined) return { kind: 'written', place: own };
  const base =
    valueAt(merged, splitPath(path)) === undefined ? undefined : bases.find((each) => each.tree.places.has(path));
  if (base !== undefined) return { kind: 'base', name: base.name, file: base.file, place: base.tree.places.get(path)! };
  const { model } = resolved.config.policy;
  return { kind: 'default', model: keyAt(path)?.meta.models?.[model] === undefined ? null : model };
}

/**
 * Gives a finding its place: that of its path, or of the nearest block that is written. What a base says is found at the
 * line that extends it.
 */
function locate(finding: Finding, tree: Tree, checked: Checked): Diagnostic {
  const { meant: _meant, isGuess: _isGuess, on, fixes = [], ...said } = finding;
  const parts = splitPath(finding.path);
  const known = { ...said, ...(fixes.length > 0 ? { fixes } : {}) };
  for (let length = parts.length; length > 0; length--) {
    const path = joinPath(parts.slice(0, length));
    const places = tree.places.get(path);
    if (places !== undefined) return { ...known, ...placeOf(places, on === 'value' && length === parts.length) };
    const base = length === parts.length ? checked.bases.find((each) => each.tree.places.has(path)) : undefined;
    const line = base && tree.places.get('extends');
    if (base && line) {
      const at = placeOf(base.tree.places.get(path)!, on === 'value').line;
      return { ...known, message: `From ${quote(base.name)}, line ${at}: ${known.message}`, ...line.value };
    }
  }
  return { ...known, ...start };
}

function placeOf(places: KeyPlace, value: boolean): Place {
  return value ? places.value : (places.key ?? places.value);
}

/** Whether the file can do it: it has what is taken away, no flag lies over what is written, and its block is spelt right. */
function canDo({ edits }: Fix, flags: string[], { own, merged, resolved }: Checked): boolean {
  const misspelt = [...resolved.renamed.keys()];
  return edits.every((edit) => isOwn(edit, own, merged) && !flagged(edit, flags) && !inMisspelt(edit, misspelt));
}

/** Whether an edit would make a block anew beside the misspelt one that was taken for it, and so hide what that says. */
function inMisspelt(edit: Edit, blocks: string[]): boolean {
  const written = edit.kind === 'set' ? edit.path : edit.kind === 'move' ? edit.to : null;
  return written !== null && blocks.some((block) => written.startsWith(`${block}.`));
}

function isOwn(edit: Edit, own: unknown, merged: unknown): boolean {
  const path = splitPath(edit.path);
  if (edit.kind !== 'set') return valueAt(own, path) !== undefined;
  // A list is the file's own as a whole or not at all.
  const isList = (value: unknown) => path.some((_, i) => i > 0 && Array.isArray(valueAt(value, path.slice(0, i))));
  return isList(own) || !isList(merged);
}

/** Whether a flag says what an edit would write, or what holds it, or what is in it. */
function flagged(edit: Edit, flags: string[]): boolean {
  const paths = edit.kind === 'move' ? [edit.path, edit.to] : [edit.path];
  const within = (inner: string, outer: string) => inner === outer || inner.startsWith(`${outer}.`);
  return flags.some((flag) => paths.some((path) => within(path, flag) || within(flag, path)));
}
