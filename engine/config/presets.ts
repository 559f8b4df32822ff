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
  const folder = join(packageRoot(), 'examples');
  const names = readdirSync(folder).filter((name) => name.endsWith(ending));
  const presets = names.map((name): Preset => {
    const file = join(folder, name);
    const [firstLine] = readFileSync(file, 'utf8').split('\n', 1);
    return { name: name.slice(0, -ending.length), file, description: firstLine.replace(/^#\s*/, '') };
  });
  return presets.sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** Text of a preset. Throws `SageError` for a name that is not one. */
export function readPreset(name: string): string {
  const presets = listPresets();
  const preset = presets.find((each) => each.name === name);
  if (preset !== undefined) return readFileSync(preset.file, 'utf8');
  const names = presets.map((each) => each.name);
  const near = closest(name, names);
  throw new SageError(
    'config/unknown-preset',
    `There is no preset ${quote(name)}.`,
    near === null ? `The presets are ${names.join(', ')}.` : `Did you mean ${near}?`,
    { exitCode: exitCodes.usage },
  );
}
