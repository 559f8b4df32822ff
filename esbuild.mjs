/** Bundles the engine into dist/. `--production` minifies, `--watch` rebuilds on change. */
import { rmSync } from 'node:fs';
import process from 'node:process';
import * as esbuild from 'esbuild';

const production = process.argv.includes('--production');
const watch = process.argv.includes('--watch');

const engine = {
  entryPoints: {
    cli: 'engine/cli.ts',
    'video-worker': 'engine/media/video-worker.ts',
    'lane-worker': 'engine/policy/onnx/lane-worker.ts',
  },
  outdir: 'dist',
  bundle: true,
  platform: 'node',
  target: 'node20',
  format: 'esm',
  // Both find files of their own package at run time.
  external: ['onnxruntime-node', 'h264-mp4-encoder'],
  // Bundled CommonJS packages call require().
  banner: {
    js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);",
  },
  sourcemap: !production,
  minify: production,
  logLevel: 'info',
};

rmSync('dist', { recursive: true, force: true });
if (watch) {
  const context = await esbuild.context(engine);
  await context.watch();
} else {
  await esbuild.build(engine);
}
