import { existsSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { setKey } from './fixes.ts';
import type { RuleContext } from './rule.ts';
import { quote } from './text.ts';
import { beside, neighbour } from './text-file.ts';

/**
 * Warns of a name like `weights/VideoRewart` that may be a repository's, while `weights` is a folder beside the config:
 * then more likely a folder is meant, which is not there.
 */
export function warnOfRepository({ baseFolder, warn }: RuleContext, path: string, name: string): void {
  const folder = resolve(baseFolder, name);
  if (existsSync(folder) || !existsSync(dirname(folder))) return;
  const near = neighbour(folder);
  warn(
    'missing-file',
    path,
    `There is no folder ${quote(name, 200)} beside the config: it is taken for a repository of the Hugging Face hub.`,
    near === null
      ? 'If a folder is meant, check the path.'
      : `Write ${quote(beside(name, near), 200)}, if the folder is meant that lies there.`,
    near === null ? [] : [setKey(path, beside(name, near))],
  );
}
