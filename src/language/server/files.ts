import { existsSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Range } from 'vscode-languageserver/node';
import { isPresetName } from '../../../engine/config/bases.ts';
import { valueAt } from '../../../engine/config/data.ts';
import { presetFile } from '../../../engine/config/presets.ts';
import { pythonReward } from '../../../engine/config/reward.ts';
import { runPaths } from '../../../engine/run/folder.ts';
import { fileOf, type ConfigText } from './config-text.ts';
import { rangeOf } from './places.ts';

/** A file that a config names. */
export interface NamedFile {
  /** Of the key: `prompts.file`. */
  path: string;
  /** Of the name in the text. */
  range: Range;
  uri: string;
}

const keys = ['extends', 'prompts.file', 'evaluation.prompts.file', 'policy.weights', 'reward.python'];

/** The files that a config names and that exist. */
export function namedFiles({ analysis: { tree }, file }: ConfigText): NamedFile[] {
  return keys.flatMap((key) => {
    const place = tree.places.get(key)?.value;
    const named = valueAt(tree.value, key.split('.'));
    if (place === undefined || place.flag !== undefined || typeof named !== 'string' || named === '') return [];
    const isFunction = key === 'reward.python' && named.includes(':');
    const name = isFunction ? pythonReward(named).file : named;
    const found = onDisk(key === 'extends' && isPresetName(name) ? presetFile(name) : name, file);
    return found === null ? [] : [{ path: key, range: rangeOf(place), uri: pathToFileURL(found).href }];
  });
}

/** Whether an address is that of the event log of a run, which is written to all the time and which no config names. */
export function isEventLog(runsFolder: string | null, uri: string): boolean {
  const file = fileOf(uri);
  if (runsFolder === null || file === null) return false;
  const run = path.dirname(file);
  return path.dirname(run) === path.resolve(runsFolder) && runPaths(run).events === file;
}

function onDisk(named: string, config: string | null): string | null {
  if (named.includes('\0') || (config === null && !path.isAbsolute(named))) return null;
  const found = path.resolve(path.dirname(config ?? '/'), named);
  return existsSync(found) ? found : null;
}
