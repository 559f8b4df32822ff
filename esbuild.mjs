/**
 * Bundles engine, extension and webviews into dist/. `--production` minifies, `--watch` rebuilds on change, `--tests`
 * adds what runs inside the extension host (dist/test), `--quiet` prints only what is wrong, `--out FOLDER` writes there.
 */
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import * as esbuild from 'esbuild';

const { production, watch, tests, quiet, out } = parseArgs({
  options: {
    production: { type: 'boolean', default: false },
    watch: { type: 'boolean', default: false },
    tests: { type: 'boolean', default: false },
    quiet: { type: 'boolean', default: false },
    out: { type: 'string', default: 'dist' },
  },
}).values;
const at = (...parts) => path.join(out, ...parts);

const common = {
  bundle: true,
  format: 'esm',
  sourcemap: !production,
  minify: production,
  logLevel: quiet ? 'warning' : 'info',
};
// Bundled CommonJS packages call require().
const banner = {
  js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);",
};

/** Runs under plain Node. */
const engine = {
  ...common,
  entryPoints: {
    cli: 'engine/cli.ts',
    'video-worker': 'engine/media/video-worker.ts',
    'lane-worker': 'engine/policy/onnx/lane-worker.ts',
  },
  outdir: out,
  platform: 'node',
  target: 'node20',
  // Both find files of their own package at run time.
  external: ['onnxruntime-node', 'h264-mp4-encoder'],
  banner,
};

/** A program of its own, which few of the others need. */
const languageServer = {
  ...engine,
  entryPoints: { 'language-server': 'src/language/server/main.ts' },
  // What these packages call `main` loads its parts in a way that cannot be bundled.
  mainFields: ['module', 'main'],
};

/** What the extension imports when it first needs it: name without ending, and file. Filled by building `extension`. */
const later = {};
const apart = {
  name: 'what comes later is apart',
  setup(build) {
    build.onResolve({ filter: /^\./ }, ({ kind, path: file, resolveDir }) => {
      if (kind !== 'dynamic-import') return undefined;
      const source = path.join(resolveDir, file);
      const name = path
        .relative(import.meta.dirname, source)
        .replace(/\.ts$/, '')
        .replaceAll(path.sep, '/');
      later[name] = source;
      return { path: `./later/${name}.js`, external: true };
    });
  },
};

const inHost = { ...common, platform: 'node', target: 'node22', external: ['vscode'] };
/** esbuild copies a CommonJS module wherever it is imported, and the API of vscode is large. */
const vscodeOnce = {
  name: 'vscode is required once',
  setup(build) {
    build.onEnd(({ outputFiles = [] }) => {
      for (const { path: file, text } of outputFiles) {
        const once = file.endsWith('.cjs') ? text.replace(/[\w$]+\(require\("vscode"\)(, ?1)?\)/g, '__vscode') : text;
        if (once.split('require("vscode")').length > 2) throw new Error(`${file} requires vscode twice`);
        mkdirSync(path.dirname(file), { recursive: true });
        writeFileSync(file, once);
      }
    });
  },
};
/**
 * What the extension host loads to activate, which the editor waits for: one small file, and CommonJS, because the host
 * takes milliseconds to give an ES module its vscode.
 */
const extension = {
  ...inHost,
  entryPoints: { extension: 'src/extension.ts' },
  outdir: at('extension'),
  outExtension: { '.js': '.cjs' },
  format: 'cjs',
  banner: { js: '"use strict"; const __vscode = require("vscode");' },
  plugins: [apart, vscodeOnce],
  write: false,
};
/** The rest of it. A module that is in both is loaded twice, so none that both need may keep anything to itself. */
const extensionLater = {
  ...inHost,
  banner,
  entryPoints: later,
  outdir: at('extension', 'later'),
  splitting: true,
};

/** Run in webviews. */
const webviewEntries = ['dashboard', 'compare', 'video', 'schedule']
  .map((name) => [name, `webview/${name}/main.tsx`])
  .filter(([, file]) => existsSync(file));
const webviews = {
  ...common,
  entryPoints: Object.fromEntries(webviewEntries),
  outdir: at('webview'),
  platform: 'browser',
  target: 'chrome128',
  jsx: 'automatic',
  jsxImportSource: 'preact',
  loader: { '.ttf': 'file' },
  assetNames: '[name]',
};

/** The suites that run inside the extension host. */
const suites = {
  ...common,
  entryPoints: [
    'test/extension/index.ts',
    ...readdirSync('test/extension/suites').map((name) => `test/extension/suites/${name}`),
  ],
  outbase: 'test/extension',
  outdir: at('test'),
  platform: 'node',
  target: 'node22',
  splitting: true,
  packages: 'external',
};

rmSync(out, { recursive: true, force: true });
if (tests) {
  // An extension of its own, beside which an installed one can be tested.
  const manifest = { name: 'sage-studio-tests', publisher: 'sage-studio', version: '0.0.0', type: 'module' };
  mkdirSync(at('test'), { recursive: true });
  writeFileSync(at('test', 'package.json'), JSON.stringify({ ...manifest, engines: { vscode: '^1.101.0' } }));
}
for (const options of [engine, languageServer, extension, extensionLater, webviews, ...(tests ? [suites] : [])]) {
  if (!watch) {
    await esbuild.build(options);
    continue;
  }
  const context = await esbuild.context(options);
  // With the first build, so that an editor that waits for it can go on.
  await context.rebuild().catch(() => {});
  await context.watch();
}
// The task in .vscode waits for this line.
if (watch) console.log('[watch] all built');
