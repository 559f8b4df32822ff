import { existsSync } from 'node:fs';
import { basename, dirname, resolve } from 'node:path';
import { closest } from '../spelling.ts';
import { copyData, isBlock, valueAt, type Block } from './data.ts';
import type { Fix } from './diagnostics.ts';
import { likely, removeKey, setKey } from './fixes.ts';
import type { Finding } from './issues.ts';
import { presetFile, presetNames } from './presets.ts';
import { pythonReward } from './reward.ts';
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

type ReadTree = (path: string) => Tree | FileProblem;

function follow(own: unknown, start: string | null, checkFiles: boolean, read: ReadTree): BaseChain {
  const chain: BaseChain = { bases: [], findings: [] };
  const seen = start === null ? [] : [start];
  let [value, folder] = [own, start === null ? process.cwd() : dirname(start)];
  for (;;) {
    const written = valueAt(value, ['extends']);
    if (typeof written !== 'string' || written === '') return chain;
    const from = chain.bases.at(-1);
    const fail = (...failure: Failure) => void chain.findings.push(baseFinding(failure, from));
    const name = knownName(written, folder, fail);
    if (name === null || (!isPresetName(name) && !checkFiles)) return chain;
    const file = baseFile(name, folder);
    const failure = wrongWay(file, seen, chain.bases.length);
    const tree = failure === null ? read(file) : null;
    const problem = failure ?? brokenBase(file, name, tree!);
    if (problem !== null) {
      fail(...problem);
      return chain;
    }
    chain.bases.push({ name, file, tree: tree as Tree });
    seen.push(file);
    [value, folder] = [(tree as Tree).value, dirname(file)];
  }
}

/** The name that is written, or the preset that is meant by it, so that its values are not missed as well. */
function knownName(written: string, folder: string, fail: (...failure: Failure) => void): string | null {
  if (!isPresetName(written) || presetNames().includes(written)) return written;
  const near = closest(written, presetNames());
  fail(...unknownPreset(written, near, folder));
  return near;
}

/** A circle, or a chain that is too long. */
function wrongWay(file: string, seen: string[], depth: number): Failure | null {
  if (seen.includes(file)) return circle([...seen.slice(seen.indexOf(file)), file].map((each) => basename(each)));
  if (depth < maximumDepth) return null;
  const message = `More than ${maximumDepth} configs extend one another here, up to ${quote(basename(file))}.`;
  return [
    'extends-depth',
    message,
    'Extend one that is nearer to the values, or remove the line.',
    [removeKey('extends')],
  ];
}

function brokenBase(file: string, name: string, tree: Tree | FileProblem): Failure | null {
  if ('code' in tree) return unreadable(tree, name);
  const broken = tree.diagnostics.find((d) => d.severity === 'error');
  if (broken === undefined) return null;
  return ['broken-base', `${quote(basename(file))}, line ${broken.line}: ${broken.message}`, broken.remedy];
}

type Failure = [code: string, message: string, remedy: string, fixes?: Fix[]];

/** What is wrong further up is said at the line that leads there, where it cannot be put right. */
function baseFinding([code, message, remedy, fixes = []]: Failure, from: Base | undefined): Finding {
  const said = from === undefined ? message : `In ${quote(from.name)}: ${message}`;
  const here = from === undefined || code === 'extends-cycle' || code === 'extends-depth' ? fixes : [];
  return {
    severity: 'error',
    code: `config/${code}`,
    message: said,
    remedy,
    fixes: here,
    path: 'extends',
    on: 'value',
  };
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

function circle(names: string[]): Failure {
  const message =
    names.length === 2
      ? `${quote(names[0])} extends itself.`
      : `These configs extend one another in a circle: ${names.map((name) => quote(name)).join(' → ')}.`;
  return ['extends-cycle', message, 'Remove the `extends` of one of them.', [likely(removeKey('extends'))]];
}

/** Values with those of their bases under them: block by block; a list or any other value replaces what lies under it. */
export function mergeBases(own: unknown, bases: readonly Base[]): unknown {
  const written = [own, ...bases.map((base) => base.tree.value)];
  const model = written.map((value) => valueAt(value, ['policy', 'model'])).find((value) => value !== undefined);
  const all = [own, ...bases.map((base) => inherited(base, model))];
  return all.reduceRight<unknown>((under, over) => (isBlock(over) ? lay(over, under, rootKey) : under), undefined);
}

/** What a base gives on: all but its name and what it extends, its files found from its own folder. */
function inherited({ tree, file }: Base, model: unknown): unknown {
  const { extends: _extends, name: _name, ...value } = copyData(tree.value) as Block;
  const find = (path: string) => resolve(dirname(file), path);
  for (const path of [['prompts'], ['evaluation', 'prompts']]) {
    const source = valueAt(value, path);
    if (isBlock(source) && typeof source.file === 'string') source.file = find(source.file);
  }
  const { policy } = value;
  if (isBlock(policy) && typeof policy.weights === 'string' && isWeightsPath(policy.weights, model))
    policy.weights = find(policy.weights);
  inheritReward(value.reward, find);
  return value;
}

function inheritReward(reward: unknown, find: (path: string) => string): void {
  if (!isBlock(reward)) return;
  if (typeof reward.python === 'string' && reward.python.includes(':')) {
    const { file, name } = pythonReward(reward.python);
    reward.python = `${find(file)}:${name}`;
  }
  const { checkpoints } = reward;
  if (!isBlock(checkpoints)) return;
  for (const [name, from] of Object.entries(checkpoints))
    if (typeof from === 'string' && isCheckpointPath(from)) checkpoints[name] = find(from);
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

/** As the Hugging Face hub names a repository: an owner and a name. */
const repository = /^[A-Za-z0-9][\w.-]*\/[A-Za-z0-9][\w.-]*$/;

/** For shapes anything is a path; elsewhere `owner/name` is a repository of the Hugging Face hub. */
export function isWeightsPath(weights: string, model: unknown): boolean {
  if (model === undefined || model === 'shapes') return true;
  return weights.endsWith('.safetensors') || !mayBeElsewhere(weights);
}

/** Of a reward model: what ends as a checkpoint does, and what cannot be the name of a repository. */
export function isCheckpointPath(checkpoint: string): boolean {
  return /\.(safetensors|pth|pt|bin)$/.test(checkpoint) || !mayBeElsewhere(checkpoint);
}

/** On the hub, or in the home folder, which Python knows how to find. */
function mayBeElsewhere(name: string): boolean {
  return repository.test(name) || name.startsWith('~');
}
