import * as esbuild from 'esbuild';

/** Bundles a webview into a folder, as esbuild.mjs does. */
export async function buildWebview(name: string, folder: string): Promise<void> {
  await esbuild.build({
    ...{ bundle: true, format: 'esm', minify: true, logLevel: 'silent' },
    entryPoints: { [name]: `webview/${name}/main.tsx` },
    outdir: folder,
    platform: 'browser',
    target: 'chrome128',
    jsx: 'automatic',
    jsxImportSource: 'preact',
    loader: { '.ttf': 'file' },
    assetNames: '[name]',
  });
}
