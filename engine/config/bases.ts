import { existsSync } from 'node:fs';
import { basename, dirname, isAbsolute, resolve } from 'node:path';
import { closest } from '../spelling.ts';
import { copyData, isBlock, valueAt, type Block } from './data.ts';
import type { Fix } from './diagnostics.ts';
import { likely, removeKey, setKey } from './fixes.ts';
import type { Finding } from './issues.ts';
import { presetFile, presetNames } from './presets.ts';
import { oneOf, quote } from './text.ts';
import { beside, readTextFile, type FileProblem } from './text-file.ts';
import { readTree, type Tree } from './tree.ts';
import { rootKey, type KeyInfo } from './walk.ts';

/** A config whose values lie under those of another. */
export interface Base {
  /** As `extends` has it: the name of a preset, or a path. */
  name: string;
  /** Absolute. */
  file: string;
  tree: Tree;
}

/** What a config extends, the nearest first, and what is wrong with that. */
export interface BaseChain {
  bases: Base[];
  findings: Finding[];
}

/** Bases of bases that are followed; more are a mistake. */
const maximumDepth = 8;
const maximumBytes = 4 * 2 ** 20;

/** A name without separators and ending is that of a preset. */
export function isPresetName(written: string): boolean {
  return !/[\\/]|\.ya?ml$/i.test(written);
}

/** The file that `extends` names, from the folder of the config that says so. */
export function baseFile(written: string, folder: string): string {
  return isPresetName(written) ? presetFile(written) : resolve(folder, written);
}

/**
 * What follows the bases of a config's values; every file is read once. Never throws.
 * @param file the config's own path, if it has one
 * @param checkFiles whether files may be read; presets always are
 */
export function createBaseReader(file: string | undefined, checkFiles: boolean): (own: unknown) => BaseChain {
  const trees = new Map<string, Tree | FileProblem>();
  const read = (path: string): Tree | FileProblem => {
    const known = trees.get(path);
    if (known !== undefined) return known;
    const text = readTextFile(path, maximumBytes);
    const tree = 'text' in text ? readTree(text.text) : text;
    trees.set(path, tree);
    return tree;
  };
  const start = file === undefined ? null : resolve(file);
  return (own) => follow(own, start, checkFiles, read);
}

function follow(
  own: unknown,
  start: string | null,
  checkFiles: boolean,
  read: (path: string) => Tree | FileProblem,
): BaseChain {
  const chain: BaseChain = { bases: [], findings: [] };
  const seen = start === null ? [] : [start];
  let [value, folder] = [own, start === null ? process.cwd() : dirname(start)];
  for (;;) {
    let written = valueAt(value, ['extends']);
    if (typeof written !== 'string' || written === '') return chain;
    const from = chain.bases.at(-1);
    const fail = (code: string, message: string, remedy: string, fixes: Fix[] = []) =>
      chain.findings.push(baseFinding(code, message, remedy, fixes, from));
    if (isPresetName(written) && !presetNames().includes(written)) {
      const near = closest(written, presetNames());
      fail(...unknownPreset(written, near, folder));
      // What was meant is taken for what was written, so that its values are not missed as well.
      if (near === null) return chain;
      written = near;
    }
    const path = baseFile(written as string, folder);
    if (seen.includes(path)) {
      const names = [...seen.slice(seen.indexOf(path)), path].map((each) => basename(each));
      fail('extends-cycle', ...circle(names));
      return chain;
    }
    if (chain.bases.length === maximumDepth) {
      const message = `More than ${maximumDepth} configs extend one another here, up to ${quote(basename(path))}.`;
      fail('extends-depth', message, 'Extend one that is nearer to the values, or remove the line.', [
        removeKey('extends'),
      ]);
      return chain;
    }
    if (!isPresetName(written as string) && !checkFiles) return chain;
    const tree = read(path);
    if ('code' in tree) {
      fail(...unreadable(tree, written as string));
      return chain;
    }
    const broken = tree.diagnostics.find((d) => d.severity === 'error');
    if (broken !== undefined) {
      const message = `${quote(basename(path))}, line ${broken.line}: ${broken.message}`;
      fail('broken-base', message, broken.remedy);
      return chain;
    }
    chain.bases.push({ name: written as string, file: path, tree });
    seen.push(path);
    [value, folder] = [tree.value, dirname(path)];
  }
}

type Failure = [code: string, message: string, remedy: string, fixes?: Fix[]];

/** What is wrong further up is said at the line that leads there, where it cannot be put right. */
function baseFinding(code: string, message: string, remedy: string, fixes: Fix[], from: Base | undefined): Finding {
  const said = from === undefined ? message : `In ${quote(from.name)}: ${message}`;
  const way = from === undefined || code === 'extends-cycle' ? fixes : [];
  return { severity: 'error', code: `config/${code}`, message: said, remedy, fixes: way, path: 'extends', on: 'value' };
}

function unknownPreset(written: string, near: string | null, folder: string): Failure {
  const names = presetNames();
  const file = `${written}.sage.yaml`;
  const others = names.filter((name) => name !== near).map((name) => setKey('extends', name));
  const message = `There is no preset ${quote(written)}.`;
  if (near === null && existsSync(resolve(folder, file)))
    return [
      'unknown-preset',
      message,
      `To extend the file, write \`extends: ${file}\`.`,
      [likely(setKey('extends', file)), ...others],
    ];
  const remedy = near === null ? `The presets are ${oneOf(names, 'and')}.` : `Did you mean \`${near}\`?`;
  return ['unknown-preset', message, remedy, [...(near === null ? [] : [likely(setKey('extends', near))]), ...others]];
}

function unreadable({ code, message, remedy, near }: FileProblem, written: string): Failure {
  const fixes = near === undefined ? [] : [likely(setKey('extends', beside(written, near)))];
  return [code.replace('config/', ''), message, remedy, fixes];
}

function circle(names: string[]): [message: string, remedy: string, fixes: Fix[]] {
  const message =
    names.length === 2
      ? `${names[0]} extends itself.`
      : `The configs extend one another in a circle: ${names.join(' → ')}.`;
  return [message, 'Remove the `extends` of one of them.', [likely(removeKey('extends'))]];
}

/** Values with those of their bases under them: block by block; a list or any other value replaces what lies under it. */
export function mergeBases(own: unknown, bases: readonly Base[]): unknown {
  const all = [own, ...bases.map(inherited)];
  return all.reduceRight<unknown>((under, over) => (isBlock(over) ? lay(over, under, rootKey) : under), undefined);
}

/** What a base gives on: all but its name and what it extends, its files found from its own folder. */
function inherited({ tree, file }: Base): unknown {
  const { extends: _extends, name: _name, ...value } = copyData(tree.value) as Block;
  for (const path of [['prompts'], ['evaluation', 'prompts']]) {
    const source = valueAt(value, path);
    if (isBlock(source) && typeof source.file === 'string') source.file = resolve(dirname(file), source.file);
  }
  const policy = value.policy;
  if (
    isBlock(policy) &&
    typeof policy.weights === 'string' &&
    isWeightsPath(policy.weights, valueAt(value, ['policy', 'model']))
  )
    policy.weights = resolve(dirname(file), policy.weights);
  return value;
}

function lay(over: Block, under: unknown, info: KeyInfo | null): Block {
  const merged: Block = Object.assign(Object.create(null), isBlock(under) ? under : {});
  for (const [name, value] of Object.entries(over)) {
    const below = merged[name];
    const child = info?.children.find((each) => each.name === name) ?? null;
    // A block whose lines are all commented out says nothing.
    if (value === null && child?.kind === 'block' && !child.nullable && below !== undefined) continue;
    merged[name] = isBlock(value) && isBlock(below) ? lay(value, below, child) : value;
  }
  return merged;
}

/** For shapes anything is a path; elsewhere `owner/name` is a repository of the Hugging Face hub. */
export function isWeightsPath(weights: string, model: unknown): boolean {
  if (model === undefined || model === 'shapes' || isAbsolute(weights)) return true;
  return /^\.{1,2}[\\/]/.test(weights) || weights.endsWith('.safetensors');
}
