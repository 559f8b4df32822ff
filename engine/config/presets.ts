import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { exitCodes, SageError } from '../errors.ts';
import { packageRoot } from '../package-root.ts';
import { closest } from '../spelling.ts';
import { quote } from './text.ts';

const ending = '.sage.yaml';

export interface Preset {
  name: string;
  /** The config itself, a file that runs as it stands. */
  file: string;
  /** First line of the config's opening comment. */
  description: string;
}

/** The configs that come with the program, by name. */
export function listPresets(): Preset[] {
  return presetNames().map((name): Preset => {
    const file = presetFile(name);
    const [firstLine] = readFileSync(file, 'utf8').split('\n', 1);
    return { name, file, description: firstLine.replace(/^#\s*/, '') };
  });
}

/** Names of the configs that come with the program, in order. */
export function presetNames(): string[] {
  const names = readdirSync(join(packageRoot(), 'examples')).filter((name) => name.endsWith(ending));
  return names.map((name) => name.slice(0, -ending.length)).sort((a, b) => (a < b ? -1 : 1));
}

/** Where the preset of a name lies. */
export function presetFile(name: string): string {
  return join(packageRoot(), 'examples', `${name}${ending}`);
}

/** Text of a preset. Throws `SageError` for a name that is not one. */
export function readPreset(name: string): string {
  const names = presetNames();
  if (names.includes(name)) return readFileSync(presetFile(name), 'utf8');
  const near = closest(name, names);
  throw new SageError(
    'config/unknown-preset',
    `There is no preset ${quote(name)}.`,
    near === null ? `The presets are ${names.join(', ')}.` : `Did you mean ${near}?`,
    { exitCode: exitCodes.usage },
  );
}
