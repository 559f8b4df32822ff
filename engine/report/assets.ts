import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../package-root.ts';

/** In this order: what a module imports comes before it. */
const modules = ['dom.js', 'scale.js', 'chart.js', 'heatmap.js', 'rollouts.js', 'main.js'];

/**
 * The report's script and style. The script is written as ES modules, so that its parts can be tested, and joined here
 * by leaving out the words `import` and `export`: the whole becomes one module without any address in it.
 */
export function readAssets(): { script: string; style: string } {
  const folder = join(packageRoot(), 'engine', 'report', 'assets');
  const read = (name: string) => readFileSync(join(folder, name), 'utf8').replaceAll('\r\n', '\n');
  const script = modules
    .map((name) =>
      read(name)
        .replace(/^import .*;\n/gm, '')
        .replace(/^export /gm, ''),
    )
    .join('\n');
  return { script, style: read('report.css') };
}
