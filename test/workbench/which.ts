import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { packageRoot } from '../../engine/package-root.ts';
import { chromium, needsChromium } from '../support/needs.ts';

const execute = promisify(execFile);

/** The release that is installed where there is none. */
const codeServerVersion = '4.139.1';
/** Its native modules are built for this major version of Node. */
const codeServerNode = 24;

/** code-server: VS Code's workbench in a browser, its extension host in a server beside it. */
export interface CodeServer {
  kind: 'code-server';
  /** Folder of the npm package. */
  folder: string;
  /** The Node that runs it. */
  node: string;
  chromium: string;
}

export interface Desktop {
  kind: 'desktop';
  executable: string;
}

/** Why there is none. */
export interface NoWorkbench {
  kind: 'none';
  reason: string;
}

/**
 * The workbench for suites inside the extension host: desktop VS Code where `VSCODE_EXECUTABLE` names one, or where there is
 * a screen and it can be downloaded; else code-server.
 */
export async function findWorkbench(): Promise<Desktop | CodeServer | NoWorkbench> {
  const named = process.env['VSCODE_EXECUTABLE'];
  if (named) {
    return existsSync(named)
      ? { kind: 'desktop', executable: named }
      : { kind: 'none', reason: `VSCODE_EXECUTABLE names ${named}, which does not exist` };
  }
  const screen = process.platform !== 'linux' || Boolean(process.env['DISPLAY'] || process.env['WAYLAND_DISPLAY']);
  if (!screen || process.env['SAGE_CODE_SERVER']) return findCodeServer();
  try {
    const { downloadAndUnzipVSCode } = await import('@vscode/test-electron');
    const executable = await downloadAndUnzipVSCode({ cachePath: path.join(packageRoot(), '.tools', 'vscode') });
    return { kind: 'desktop', executable };
  } catch (error) {
    const server = await findCodeServer();
    if (server.kind === 'code-server') return server;
    return { kind: 'none', reason: `VS Code could not be downloaded (${messageOf(error)}); ${server.reason}` };
  }
}

/** code-server of `SAGE_CODE_SERVER` or of `.tools/code-server`, where it is installed unless it is there already. */
export async function findCodeServer(): Promise<CodeServer | NoWorkbench> {
  if (process.platform !== 'linux') return { kind: 'none', reason: 'needs Linux (code-server) to be driven' };
  if (!chromium) return { kind: 'none', reason: needsChromium };
  const named = process.env['SAGE_CODE_SERVER'];
  if (named && !existsSync(entryOf(named)))
    return {
      kind: 'none',
      reason: `SAGE_CODE_SERVER names ${named}, which is no folder of the npm package code-server`,
    };
  const tools = path.join(packageRoot(), '.tools', 'code-server');
  const folder = named ?? path.join(tools, 'node_modules', 'code-server');
  try {
    const node = await nodeForCodeServer(tools);
    if (!named && !(await complete(tools))) await install(tools, node);
    return { kind: 'code-server', folder, node, chromium };
  } catch (error) {
    return { kind: 'none', reason: `code-server could not be installed from npm: ${messageOf(error)}` };
  }
}

/** The server's program inside the npm package. */
export function entryOf(folder: string): string {
  return path.join(folder, 'lib', 'vscode', 'out', 'server-main.js');
}

const stampOf = (tools: string) => path.join(tools, 'installed');

async function complete(tools: string): Promise<boolean> {
  return existsSync(stampOf(tools)) && (await readFile(stampOf(tools), 'utf8')) === codeServerVersion;
}

async function nodeForCodeServer(tools: string): Promise<string> {
  if (process.version.startsWith(`v${codeServerNode}.`)) return process.execPath;
  const node = path.join(tools, 'node', 'node_modules', 'node', 'bin', 'node');
  if (!existsSync(node)) await npmInstall(path.join(tools, 'node'), `node@${codeServerNode}`, {});
  return node;
}

/** 617 MB; about two minutes. */
async function install(tools: string, node: string): Promise<void> {
  console.log(`installing code-server ${codeServerVersion} into ${tools} (once, about two minutes)`);
  await installKerberosHeaders();
  const headers = [
    path.resolve(node, '../..'),
    path.resolve(node, '../../node_modules', `node-linux-${process.arch}`),
    path.resolve(node, '../../..', `node-linux-${process.arch}`),
  ].find((folder) => existsSync(path.join(folder, 'include', 'node', 'node.h')));
  await npmInstall(tools, `code-server@${codeServerVersion}`, {
    PATH: `${path.dirname(node)}${path.delimiter}${process.env['PATH'] ?? ''}`,
    // Without them node-gyp would fetch the headers from outside of the npm registry.
    ...(headers ? { npm_config_nodedir: headers } : {}),
  });
  await writeFile(stampOf(tools), codeServerVersion);
}

async function npmInstall(folder: string, spec: string, env: Record<string, string>): Promise<void> {
  await mkdir(folder, { recursive: true });
  await writeFile(path.join(folder, 'package.json'), '{ "private": true }\n');
  const args = ['install', '--prefix', folder, '--no-save', '--no-audit', '--no-fund', '--loglevel=error', spec];
  await execute('npm', args, { cwd: folder, env: { ...process.env, ...env }, maxBuffer: 2 ** 26 });
}

/** One of code-server's native modules is built against them. */
async function installKerberosHeaders(): Promise<void> {
  if (existsSync('/usr/include/gssapi/gssapi.h') || existsSync('/usr/include/gssapi.h')) return;
  if (process.getuid?.() !== 0 || !existsSync('/usr/bin/apt-get'))
    throw new Error('it needs the headers of Kerberos (apt-get install libkrb5-dev)');
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  await execute('apt-get', ['update', '-qq'], { env });
  await execute('apt-get', ['install', '-y', '-qq', 'libkrb5-dev'], { env, maxBuffer: 2 ** 26 });
}

function messageOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  const stderr = (error as { stderr?: unknown }).stderr;
  return (typeof stderr === 'string' && stderr.trim() ? stderr : text).trim().split('\n').slice(-3).join(' ');
}
