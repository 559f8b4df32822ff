import { basename, dirname } from 'node:path';
import { ConfigError, sortDiagnostics, type Diagnostic } from './diagnostics.ts';
import { nameFrom, type Finding } from './issues.ts';
import { applyOverrides } from './overrides.ts';
import { resolve } from './resolve.ts';
import { checkRules } from './rules.ts';
import type { Config } from './schema.ts';
import { readTextFile } from './text-file.ts';
import { readTree, start, type Place, type Tree } from './tree.ts';

export { ConfigError, formatDiagnostic, type Diagnostic } from './diagnostics.ts';

export interface LoadedConfig {
  config: Config;
  /** Warnings; a config with errors is thrown. */
  diagnostics: Diagnostic[];
  /** The file's text, as launched runs keep it. */
  text: string;
}

export interface CheckOptions {
  /** The config's own path: names the run by default, and relative paths start from its folder. */
  file?: string;
  /** Whether files that the config names are read (default true). */
  checkFiles?: boolean;
  /** `path=value`, each put over what the file says. */
  overrides?: readonly string[];
}

/**
 * Reads a config, fills in its defaults and checks it. Throws `ConfigError` with everything that is wrong.
 * @param given its text, where that is not to be read from the file
 */
export function loadConfig(file: string, overrides: readonly string[] = [], given?: string): LoadedConfig {
  const text = given ?? readConfigFile(file);
  const { config, diagnostics } = checkText(text, { file, overrides });
  if (config === null) throw new ConfigError(file, diagnostics);
  return { config, diagnostics, text };
}

/** Everything that is wrong with the text of a config, errors and warnings, in the order of the text. Never throws. */
export function validateText(text: string, options: CheckOptions = {}): Diagnostic[] {
  return checkText(text, options).diagnostics;
}

/** As `loadConfig`, for text: the resolved config (null when there are errors) and all diagnostics. */
export function checkText(
  text: string,
  options: CheckOptions = {},
): { config: Config | null; diagnostics: Diagnostic[] } {
  const tree = readTree(text);
  applyOverrides(tree, options.overrides ?? []);
  if (tree.value === undefined) return { config: null, diagnostics: sortDiagnostics(tree.diagnostics) };
  const name = options.file === undefined ? 'run' : nameFrom(basename(options.file).replace(/(\.sage)?\.ya?ml$/i, ''));
  const resolved = resolve(tree.value);
  if (!tree.places.has('name') && !resolved.renamed.has('name')) resolved.config.name = name;
  for (const [meant, written] of resolved.renamed) tree.places.set(meant, tree.places.get(written)!);
  const baseFolder = options.file === undefined ? process.cwd() : dirname(options.file);
  const findings = [...resolved.findings, ...checkRules(resolved, given(tree), baseFolder, options.checkFiles ?? true)];
  const diagnostics = sortDiagnostics([...tree.diagnostics, ...findings.map((finding) => locate(finding, tree))]);
  const failed = diagnostics.some((d) => d.severity === 'error');
  return { config: failed ? null : resolved.config, diagnostics };
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

function readConfigFile(file: string): string {
  const read = readTextFile(file, 4 * 2 ** 20);
  if ('text' in read) return read.text;
  throw new ConfigError(file, [
    { severity: 'error', code: read.code, message: read.message, remedy: read.remedy, path: '', ...start },
  ]);
}
