import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

let found: string | null = null;

/**
 * Folder of this package: the nearest one above this file that holds its package.json. The same from the sources and
 * from the bundle in `dist`.
 */
export function packageRoot(): string {
  if (found) return found;
  let folder = path.dirname(fileURLToPath(import.meta.url));
  for (;;) {
    const manifest = path.join(folder, 'package.json');
    if (existsSync(manifest) && JSON.parse(readFileSync(manifest, 'utf8')).name === 'sage-studio')
      return (found = folder);
    const parent = path.dirname(folder);
    if (parent === folder) throw new Error(`no package.json of sage-studio above ${fileURLToPath(import.meta.url)}`);
    folder = parent;
  }
}

/** Version of this package. */
export function packageVersion(): string {
  return JSON.parse(readFileSync(path.join(packageRoot(), 'package.json'), 'utf8')).version;
}
