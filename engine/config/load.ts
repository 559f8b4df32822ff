import { analyseText, type CheckOptions } from './analyse.ts';
import { ConfigError, type Diagnostic } from './diagnostics.ts';
import type { Config } from './schema.ts';
import { readTextFile } from './text-file.ts';
import { start } from './tree.ts';

export type { CheckOptions } from './analyse.ts';
export { ConfigError, formatDiagnostic, type Diagnostic } from './diagnostics.ts';

export interface LoadedConfig {
  config: Config;
  /** Warnings; a config with errors is thrown. */
  diagnostics: Diagnostic[];
  /** The file's text, as launched runs keep it. */
  text: string;
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
  const { config, diagnostics, valid } = analyseText(text, options);
  return { config: valid ? config : null, diagnostics };
}

function readConfigFile(file: string): string {
  const read = readTextFile(file, 4 * 2 ** 20);
  if ('text' in read) return read.text;
  throw new ConfigError(file, [
    { severity: 'error', code: read.code, message: read.message, remedy: read.remedy, path: '', ...start },
  ]);
}
