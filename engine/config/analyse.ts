import { basename, dirname } from 'node:path';
import { sortDiagnostics, type Diagnostic } from './diagnostics.ts';
import { nameFrom, type Finding } from './issues.ts';
import { applyOverrides } from './overrides.ts';
import { resolve } from './resolve.ts';
import { checkRules } from './rules.ts';
import type { Config } from './schema.ts';
import { readTree, start, type Place, type Tree } from './tree.ts';

export interface CheckOptions {
  /** The config's own path: names the run by default, and relative paths start from its folder. */
  file?: string;
  /** Whether files that the config names are read (default true). */
  checkFiles?: boolean;
  /** `path=value`, each put over what the file says. */
  overrides?: readonly string[];
}

/** Everything that can be known of the text of a config, right or wrong. */
export interface ConfigAnalysis {
  /** As written: plain data, and where each path stands. */
  tree: Tree;
  /** Every value filled in, refused ones by their defaults; null where the text cannot be read as a block of keys. */
  config: Config | null;
  /** Errors and warnings, in the order of the text. */
  diagnostics: Diagnostic[];
  /** Whether it can be run: there is no error. */
  valid: boolean;
}

/** Reads, fills in and checks the text of a config. Never throws. */
export function analyseText(text: string, options: CheckOptions = {}): ConfigAnalysis {
  const tree = readTree(text);
  applyOverrides(tree, options.overrides ?? []);
  if (tree.value === undefined)
    return { tree, config: null, diagnostics: sortDiagnostics(tree.diagnostics), valid: false };
  const name = options.file === undefined ? 'run' : nameFrom(basename(options.file).replace(/(\.sage)?\.ya?ml$/i, ''));
  const resolved = resolve(tree.value);
  if (!tree.places.has('name') && !resolved.renamed.has('name')) resolved.config.name = name;
  for (const [meant, written] of resolved.renamed) tree.places.set(meant, tree.places.get(written)!);
  const baseFolder = options.file === undefined ? process.cwd() : dirname(options.file);
  const findings = [...resolved.findings, ...checkRules(resolved, given(tree), baseFolder, options.checkFiles ?? true)];
  const diagnostics = sortDiagnostics([...tree.diagnostics, ...findings.map((finding) => locate(finding, tree))]);
  const valid = diagnostics.every((d) => d.severity !== 'error');
  return { tree, config: resolved.config, diagnostics, valid };
}

/** Whether a path is written in the file or set by a flag, rather than a default. */
function given(tree: Tree): (path: string) => boolean {
  return (path) => tree.places.has(path);
}

/** Gives a finding its place: that of its path, or of the nearest block that is written. */
function locate({ meant: _meant, isGuess: _isGuess, on, ...finding }: Finding, tree: Tree): Diagnostic {
  const parts = finding.path.split('.');
  for (let length = parts.length; length > 0; length--) {
    const places = tree.places.get(parts.slice(0, length).join('.'));
    if (places === undefined) continue;
    const place: Place = on === 'value' && length === parts.length ? places.value : (places.key ?? places.value);
    return { ...finding, ...place };
  }
  return { ...finding, ...start };
}
