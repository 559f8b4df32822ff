import { existsSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Range } from 'vscode-languageserver/node';
import { listPresets } from '../../../engine/config/presets.ts';
import { pythonReward } from '../../../engine/config/reward.ts';
import { valueAt } from '../../../engine/config/issues.ts';
import type { ConfigText } from './config-text.ts';
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
    const onPath = onDisk(isFunction ? pythonReward(named).file : named, file);
    const found = key === 'extends' ? (presetFile(named) ?? onPath) : onPath;
    return found === null ? [] : [{ path: key, range: rangeOf(place), uri: pathToFileURL(found).href }];
  });
}

function presetFile(name: string): string | null {
  return listPresets().find((preset) => preset.name === name)?.file ?? null;
}

function onDisk(named: string, config: string | null): string | null {
  if (named.includes('\0') || (config === null && !path.isAbsolute(named))) return null;
  const found = path.resolve(path.dirname(config ?? '/'), named);
  return existsSync(found) ? found : null;
}
