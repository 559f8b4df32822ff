#!/usr/bin/env node
/**
 * Runs a task of this repository on a fresh machine: finds or fetches a Node that is new enough, installs the npm
 * packages when the lockfile changed, then runs the task. Uses nothing but Node's own modules, and runs on Node >= 20.
 *
 *   node bootstrap.mjs TASK [ARGUMENT ...]
 */
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';

const root = path.dirname(fileURLToPath(import.meta.url));
const toolsFolder = path.join(root, '.tools');
/** First Node that runs TypeScript sources without a flag. */
const minimumNode = [22, 18];
const fetchedNode = 'node@24';

const bin = (name) => path.join('node_modules', ...name.split('/'));
/** Each task is one or more argv lists, run by Node in the repository's folder. The last one gets the extra arguments. */
const tasks = {
  demo: [['engine/demo.ts']],
  test: [['test/run.ts']],
  lint: [
    [bin('eslint/bin/eslint.js'), '.'],
    [bin('prettier/bin/prettier.cjs'), '--check', '.'],
  ],
  format: [[bin('prettier/bin/prettier.cjs'), '--write', '.']],
  typecheck: [
    [bin('typescript/bin/tsc'), '-p', '.'],
    [bin('typescript/bin/tsc'), '-p', 'webview'],
  ],
  build: [['esbuild.mjs', '--production']],
  watch: [['esbuild.mjs', '--watch']],
  package: [['vsix.mjs']],
  'check:package': [['esbuild.mjs', '--production'], ['test/package/check.ts']],
  docs: [['engine/config/write-reference.ts']],
  bench: [['test/bench/run.ts']],
  'bench:demo': [['test/bench/demo-seeds.ts']],
  study: [['test/bench/study.ts']],
  fuzz: [['--expose-gc', 'test/bench/fuzz.ts']],
  'shapes:pretrain': [['engine/shapes/make/pretrain.ts']],
  'shapes:export': [['engine/shapes/make/export.ts']],
  workbench: [['test/workbench/install.ts']],
  'setup-python': [['engine/shapes/make/setup-python.ts']],
  'sage-grpo': [[path.join(root, 'engine', 'cli.ts')]],
};

function say(text) {
  process.stderr.write(`bootstrap: ${text}\n`);
}

function fail(text) {
  say(text);
  process.exit(1);
}

function newEnough(version) {
  const [major, minor] = version.replace(/^v/, '').split('.').map(Number);
  return major > minimumNode[0] || (major === minimumNode[0] && minor >= minimumNode[1]);
}

/** npm is a script on Windows; its JavaScript entry lies beside the node that runs us, or is named by npm itself. */
function npm(args) {
  const entry = process.env.npm_execpath;
  const viaNode = entry && /npm-cli\.(c|m)?js$/.test(entry) && existsSync(entry);
  const command = viaNode ? process.execPath : process.platform === 'win32' ? 'npm.cmd' : 'npm';
  const result = spawnSync(command, viaNode ? [entry, ...args] : args, {
    cwd: root,
    stdio: ['ignore', 2, 2],
    env: { ...process.env, npm_config_loglevel: 'error' },
  });
  if (result.error || result.status !== 0) {
    fail(
      `npm ${args.join(' ')} failed${result.error ? `: ${result.error.message}` : ''}. ` +
        'Check that the npm registry can be reached, then run the same command again.',
    );
  }
}

/** Path of a Node that is new enough: this one, or one kept in .tools. */
function findNode() {
  if (newEnough(process.version)) return process.execPath;
  const executable = process.platform === 'win32' ? 'node.exe' : 'node';
  const fetched = path.join(toolsFolder, 'node_modules', 'node', 'bin', executable);
  const works = () => {
    const probe = existsSync(fetched) && spawnSync(fetched, ['--version'], { encoding: 'utf8' });
    return probe && probe.status === 0 && newEnough(probe.stdout.trim());
  };
  if (!works()) {
    say(`this is Node ${process.version}; fetching ${fetchedNode} from npm into .tools (once)`);
    mkdirSync(toolsFolder, { recursive: true });
    // The package fetches the binary for this platform, from npm too, in its install script.
    writeFileSync(path.join(toolsFolder, 'package.json'), '{ "private": true, "allowScripts": { "node": true } }\n');
    npm(['install', '--prefix', toolsFolder, '--no-save', fetchedNode]);
    if (!works())
      fail(`${fetchedNode} was installed but does not run; install Node >= ${minimumNode.join('.')} yourself`);
  }
  return fetched;
}

/** Installs the packages of the lockfile unless exactly these are there already. */
function installPackages() {
  const stamp = path.join(root, 'node_modules', '.bootstrap-stamp');
  const wanted = createHash('sha256')
    .update(readFileSync(path.join(root, 'package-lock.json')))
    .digest('hex');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return;
  say('installing npm packages (once, about a minute)');
  rmSync(stamp, { force: true });
  npm(['ci']);
  writeFileSync(stamp, wanted);
}

/** Runs one argv with Node; resolves with its exit code. A TERM to this process is passed on. */
function run(node, argv, cwd) {
  // Children that start `node` themselves must get the same one.
  const env = { ...process.env, PATH: `${path.dirname(node)}${path.delimiter}${process.env.PATH ?? ''}` };
  const child = spawn(node, argv, { cwd, stdio: 'inherit', env });
  const pass = () => child.kill('SIGTERM');
  process.on('SIGTERM', pass);
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('exit', (code) => {
      process.off('SIGTERM', pass);
      resolve(code ?? 1);
    });
  });
}

async function main() {
  const [name, ...rest] = process.argv.slice(2);
  const task = tasks[name];
  if (!task) fail(`no task "${name ?? ''}". Tasks: ${Object.keys(tasks).join(', ')}`);
  const node = findNode();
  installPackages();
  // Ctrl-C reaches the child too; it decides how to end, and its exit code is ours.
  process.on('SIGINT', () => {});
  for (const [index, argv] of task.entries()) {
    const last = index === task.length - 1;
    const code = await run(node, [...argv, ...(last ? rest : [])], name === 'sage-grpo' ? process.cwd() : root);
    if (code !== 0) process.exit(code);
  }
}

await main();
