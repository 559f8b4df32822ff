/**
 * `npm run package`: the extension for one platform as a .vsix, in the repository's folder.
 *
 *   node vsix.mjs [--target linux-x64] [--out FILE]
 *
 * It holds what the npm package holds, what only an editor needs, and the two packages that cannot be bundled, with the
 * native files of that platform alone.
 */
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { createVSIX } from '@vscode/vsce';

const root = path.dirname(fileURLToPath(import.meta.url));
const manifest = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8'));
/** Bytes; what is larger is refused, because something has slipped in. */
const largest = 40e6;

const { values: options } = parseArgs({
  options: { target: { type: 'string', default: `${process.platform}-${process.arch}` }, out: { type: 'string' } },
});
const natives = path.join('bin', 'napi-v6');
const [platform, architecture] = options.target.split('-');
const targets = readdirSync(at('onnxruntime-node', natives)).flatMap((system) =>
  readdirSync(at('onnxruntime-node', natives, system)).map((cpu) => `${system}-${cpu}`),
);
if (!targets.includes(options.target)) {
  console.error(`onnxruntime has no binaries for ${options.target}; there are ${targets.join(', ')}`);
  process.exit(2);
}

/** Of the packages that find files of their own at run time, what they need then. */
const external = {
  'onnxruntime-node': [
    'package.json',
    'README.md',
    ...filesOf('onnxruntime-node', 'dist', /\.js$/),
    ...filesOf('onnxruntime-node', path.join(natives, platform, architecture), /./),
  ],
  'onnxruntime-common': ['package.json', 'README.md', ...filesOf('onnxruntime-common', 'dist/cjs', /\.js(on)?$/)],
  'h264-mp4-encoder': ['package.json', 'LICENSE.md', 'embuild/dist/h264-mp4-encoder.node.js'],
};
/** What is not in the npm package, because only an editor wants it. */
const editorOnly = readdirSync(root).filter((name) => name === 'media' || /^package\.nls(\.[\w-]+)?\.json$/.test(name));

const stage = mkdtempSync(path.join(os.tmpdir(), 'sage-vsix-'));
try {
  for (const file of npmFiles()) copy(path.join(root, file), path.join(stage, file));
  for (const name of editorOnly) copy(path.join(root, name), path.join(stage, name));
  run(['esbuild.mjs', '--production', '--quiet', '--out', path.join(stage, 'dist')]);
  // Not at the root, where vsce would leave them out; Node finds them from the bundle all the same.
  for (const [name, files] of Object.entries(external))
    for (const file of files) copy(at(name, file), path.join(stage, 'dist', 'node_modules', name, file));
  writeFileSync(path.join(stage, 'package.json'), `${JSON.stringify(trimmed(manifest), null, 2)}\n`);

  // The stage holds nothing that does not belong in; without this file vsce doubts it.
  writeFileSync(path.join(stage, '.vscodeignore'), '');

  const file = path.resolve(
    options.out ?? path.join(root, `${manifest.name}-${manifest.version}-${options.target}.vsix`),
  );
  await createVSIX({
    cwd: stage,
    packagePath: file,
    target: options.target,
    dependencies: false,
    allowMissingRepository: true,
    rewriteRelativeLinks: false,
  });
  const { size } = statSync(file);
  console.log(`${file}: ${(size / 1e6).toFixed(1)} MB`);
  if (size > largest) {
    console.error(`that is more than ${largest / 1e6} MB`);
    process.exitCode = 1;
  }
} finally {
  rmSync(stage, { recursive: true, force: true });
}

/** Path inside an installed package. */
function at(name, ...parts) {
  return path.join(root, 'node_modules', name, ...parts);
}

function filesOf(name, folder, pattern) {
  return readdirSync(at(name, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && pattern.test(entry.name))
    .map((entry) => path.relative(at(name), path.join(entry.parentPath, entry.name)));
}

/** The npm package's files, by its own rules, without the bundle. */
function npmFiles() {
  const command = process.platform === 'win32' ? 'npm.cmd' : 'npm';
  const args = ['pack', '--dry-run', '--json', '--ignore-scripts', '--loglevel=error'];
  const [{ files }] = JSON.parse(execFileSync(command, args, { cwd: root, encoding: 'utf8' }));
  return files.map(({ path: file }) => file).filter((file) => !file.startsWith('dist/') && file !== 'package.json');
}

/** The manifest as an editor needs it. */
function trimmed({ private: _private, files: _files, scripts: _scripts, devDependencies: _dev, ...rest }) {
  const { dependencies: _bundled, allowScripts: _allowed, ...kept } = rest;
  return kept;
}

function copy(from, to) {
  mkdirSync(path.dirname(to), { recursive: true });
  cpSync(from, to, { recursive: true });
}

function run(args) {
  execFileSync(process.execPath, args, { cwd: root, stdio: 'inherit' });
}
