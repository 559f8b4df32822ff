import { copyData, isBlock, joinPath, splitPath, valueAt, type Block } from './data.ts';
import { explainIssue, type Finding } from './issues.ts';
import { rewardModelNames, type RewardModelName } from './key.ts';
import { builtInComponents, componentsOf, pythonComponent } from './reward.ts';
import { configSchema, modelNames, type Config, type ModelName } from './schema.ts';
import { closest } from '../spelling.ts';
import { unknownKey } from './unknown-keys.ts';
import { defaultFor, keyAt, keyOrOwnWeight, rootKey, type KeyInfo } from './walk.ts';

/** A config with every value filled in, and which of its values are not to be trusted. */
export interface Resolved {
  config: Config;
  findings: Finding[];
  /** Paths whose written value was refused; the config holds the default there. */
  invalid: Set<string>;
  /** Misspelt paths whose value was taken for the path that was meant: meant → written. */
  renamed: Map<string, string>;
}

/**
 * Fills in every default and checks every key by itself. Values that are refused are replaced by their defaults, so that
 * rules between the other keys can still be checked. The input is not changed.
 * @param own the part of `written` that the file itself says, where the rest is of a base
 */
export function resolve(written: unknown, own: unknown = written): Resolved {
  const raw = copyData(written) as Block;
  const model = modelOf(raw);
  dropEmptyBlocks(raw, rootKey);
  const onlyPython = isPythonAlone(raw);
  fillModelDefaults(raw, rootKey, model);
  fillReward(raw, onlyPython);
  const resolved: Resolved = { config: undefined as never, findings: [], invalid: new Set(), renamed: new Map() };
  refuseNames(raw, own, model, resolved);
  // Each round removes what the schema refuses; a misspelt key that is taken for another may be refused once more.
  for (let round = 0; round < 8; round++) {
    const result = configSchema.safeParse(raw);
    if (result.success) {
      // What the base says is among the values; the config does not depend on it any more.
      const { extends: _base, ...config } = result.data;
      return { ...resolved, findings: withoutEchoes(resolved.findings), config };
    }
    for (const issue of result.error.issues) {
      resolved.findings.push(...explainIssue(issue, { raw, own, model }));
      for (const path of refusedPaths(issue, raw)) remove(raw, path, resolved);
    }
    for (const finding of resolved.findings)
      if (finding.meant !== undefined) rename(raw, written, own, finding, resolved);
  }
  return { ...resolved, config: configSchema.parse({}) };
}

/** A key that is missing because it is misspelt is one mistake, not two; so is one found in a second round. */
function withoutEchoes(findings: Finding[]): Finding[] {
  const meant = new Set(findings.map((finding) => finding.meant));
  const seen = new Set<string>();
  return findings.filter(({ code, path }) => {
    const echo = (code === 'config/missing-key' && meant.has(path)) || seen.has(`${code} ${path}`);
    seen.add(`${code} ${path}`);
    return !echo;
  });
}

/** A block whose lines are all commented out reads as null; it is a block without keys. */
function dropEmptyBlocks(raw: Block, info: KeyInfo): void {
  for (const child of info.children) {
    if (child.kind !== 'block' || !Object.hasOwn(raw, child.name)) continue;
    const value = raw[child.name];
    if (value === null && !child.nullable) delete raw[child.name];
    else if (isBlock(value)) dropEmptyBlocks(value, child);
  }
}

/** The model that is meant, so that a misspelt one still gets its own defaults. */
function modelOf(raw: Block): ModelName {
  const written = valueAt(raw, ['policy', 'model']);
  if (typeof written !== 'string') return 'shapes';
  return (closest(written, modelNames) as ModelName | null) ?? 'shapes';
}

function fillModelDefaults(raw: Block, info: KeyInfo, model: ModelName): void {
  for (const child of info.children) {
    const given = Object.hasOwn(raw, child.name);
    if (child.kind === 'block' && !child.nullable) {
      if (!given) raw[child.name] = Object.create(null);
      if (isBlock(raw[child.name])) fillModelDefaults(raw[child.name] as Block, child, model);
    } else if (!given && child.meta.models?.[model] !== undefined) {
      raw[child.name] = defaultFor(child, model);
    }
  }
}

/** Whether a function of the user's own stands in place of the reward models. */
function isPythonAlone(raw: Block): boolean {
  const written = valueAt(raw, ['reward']);
  return isBlock(written) && typeof written.python === 'string' && !Object.hasOwn(written, 'model');
}

/** Every component that the reward gives gets its usual weight, where it is not written. */
function fillReward(raw: Block, onlyPython: boolean): void {
  const { reward } = raw;
  if (!isBlock(reward)) return;
  if (onlyPython) reward.model = null;
  const { model = 'shapes-judge', python, weights } = reward;
  if (!isBlock(weights)) return;
  const names = (Array.isArray(model) ? model : [model]).flatMap((name) => {
    const meant = typeof name === 'string' ? (closest(name, rewardModelNames) as RewardModelName | null) : null;
    return meant === null ? [] : componentsOf[meant];
  });
  for (const name of names) if (!Object.hasOwn(weights, name)) weights[name] = keyAt(`reward.weights.${name}`)?.default;
  const own = Object.keys(weights).some((name) => !builtInComponents.has(name));
  if (typeof python === 'string' && !own) weights[pythonComponent] = 1;
}

/** Of a component of one's own; others could not be told apart in paths, or are special. */
const ownName = /^(?!__proto__$)[A-Za-z_][\w-]{0,63}$/;

/** Takes out components with names that none can have. */
function refuseNames(raw: Block, own: unknown, model: ModelName, { findings, invalid }: Resolved): void {
  const weights = valueAt(raw, ['reward', 'weights']);
  if (!isBlock(weights)) return;
  for (const name of Object.keys(weights).filter((each) => !ownName.test(each))) {
    findings.push(unknownKey(['reward', 'weights'], name, { raw, own, model }));
    delete weights[name];
    invalid.add('reward.weights');
  }
}

function refusedPaths(
  issue: { code: string; path: PropertyKey[]; keys?: string[] },
  raw: Block,
): (string | number)[][] {
  const path = issue.path as (string | number)[];
  if (issue.keys !== undefined) return issue.keys.map((name) => [...path, name]);
  // A key that is missing makes its block unusable.
  return [valueAt(raw, path) === undefined ? path.slice(0, -1) : path];
}

function remove(raw: Block, path: (string | number)[], resolved: Resolved): void {
  const parent = valueAt(raw, path.slice(0, -1));
  if (parent === null || typeof parent !== 'object') return;
  if (joinPath(path) === 'reward.python') dropOwnWeights(parent as Block, resolved);
  if (Array.isArray(parent)) parent.splice(Number(path.at(-1)), 1);
  else delete (parent as Block)[path.at(-1) as string];
  if (keyOrOwnWeight(path.join('.')) !== null) resolved.invalid.add(joinPath(path));
}

/** Names of one's own are those of the function, so it alone is at fault where it is refused. */
function dropOwnWeights({ weights }: Block, resolved: Resolved): void {
  if (!isBlock(weights)) return;
  for (const name of Object.keys(weights)) if (!builtInComponents.has(name)) delete weights[name];
  resolved.invalid.add('reward.weights');
}

function rename(raw: Block, written: unknown, own: unknown, finding: Finding, resolved: Resolved): void {
  const [meant, from] = [splitPath(finding.meant!), splitPath(finding.path)];
  const where = valueAt(own, from) === undefined ? written : own;
  if (resolved.renamed.has(finding.meant!) || valueAt(where, meant) !== undefined) return;
  const value = valueAt(where, from);
  const parent = valueAt(raw, meant.slice(0, -1));
  if (value === undefined || value === null || !isBlock(parent)) return;
  if (finding.isGuess) return void resolved.invalid.add(finding.meant!);
  resolved.renamed.set(finding.meant!, finding.path);
  parent[meant[meant.length - 1]] = copyData(value);
}
