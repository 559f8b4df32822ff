import { execFile, spawn } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { type CodeServer, entryOf } from './which.ts';

/** The extension under test: a folder of sources, or a package that is installed, and others beside it. */
export type Extension = { development: string } | { vsix: string; beside?: readonly string[] };

export interface ServerOptions {
  extension: Extension;
  /** False: the workspace opens in Restricted Mode. */
  trust?: boolean;
  settings?: Record<string, unknown>;
  /** Set for the server, and so for the extension host. */
  env?: Record<string, string>;
}

export interface Server {
  authority: string;
  /** Address of the workbench with this folder. `payload` is what `vscode --key value` is on a desktop. */
  url(workspace: string, payload?: readonly (readonly [string, string])[]): string;
  /** `vscode-remote:` address of a local file. */
  uri(file: string): string;
  /** What the server printed. */
  output(): string;
  stop(): Promise<void>;
}

/** Starts code-server on a free port of 127.0.0.1, with a user data folder of its own, and waits until it answers. */
export async function startServer({ folder, node }: CodeServer, options: ServerOptions): Promise<Server> {
  const data = await mkdtemp(path.join(os.tmpdir(), 'sage-workbench-'));
  const user = path.join(data, 'data', 'User');
  await mkdir(user, { recursive: true });
  await writeFile(path.join(user, 'settings.json'), JSON.stringify({ ...quiet, ...options.settings }, null, 2));
  const base = [entryOf(folder), '--accept-server-license-terms', '--server-data-dir', data];
  if ('vsix' in options.extension)
    await promisify(execFile)(node, [...base, ...installing(options.extension)], {
      env: environment(node),
    });

  const port = await freePort();
  const flags = ['--enable-smoke-test-driver', '--without-connection-token', '--disable-telemetry'];
  if (options.trust !== false) flags.push('--disable-workspace-trust');
  const child = spawn(node, [...base, ...flags, '--host', '127.0.0.1', '--port', String(port)], {
    // A group of its own, so that its extension hosts end with it.
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...environment(node), ...options.env },
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += chunk));
  const ended = new Promise<void>((resolve) => child.on('exit', () => resolve()));
  const killGroup = () => {
    try {
      process.kill(-child.pid!, 'SIGKILL');
    } catch {
      // It is gone already.
    }
  };
  process.once('exit', killGroup);
  const stop = async () => {
    killGroup();
    await ended;
    process.off('exit', killGroup);
    await rm(data, { recursive: true, force: true, maxRetries: 5 });
  };

  const authority = `127.0.0.1:${port}`;
  try {
    await answers(
      `http://${authority}/version`,
      () => child.exitCode !== null,
      () => output,
    );
  } catch (error) {
    await stop();
    throw error;
  }
  const uri = (file: string) => `vscode-remote://${authority}${file}`;
  const development =
    'development' in options.extension ? [['extensionDevelopmentPath', uri(options.extension.development)]] : [];
  const url = (workspace: string, payload: readonly (readonly [string, string])[] = []) => {
    const query = new URLSearchParams({
      folder: workspace,
      payload: JSON.stringify([['skipWelcome', 'true'], ...development, ...payload]),
    });
    return `http://${authority}/?${query}`;
  };
  return { authority, url, uri, output: () => output, stop };
}

/** Arguments by which VS Code installs packages. */
export function installing({ vsix, beside = [] }: Extract<Extension, { vsix: string }>): string[] {
  return [vsix, ...beside].flatMap((file) => ['--install-extension', file]);
}

/** No greetings, no updates, nothing from the network. */
const quiet = {
  'workbench.startupEditor': 'none',
  'workbench.enableExperiments': false,
  'workbench.tips.enabled': false,
  'workbench.welcomePage.walkthroughs.openOnInstall': false,
  'extensions.autoCheckUpdates': false,
  'extensions.autoUpdate': false,
  'extensions.ignoreRecommendations': true,
  'telemetry.telemetryLevel': 'off',
  'update.mode': 'none',
  'security.workspace.trust.startupPrompt': 'never',
  'chat.disableAIFeatures': true,
  'workbench.secondarySideBar.defaultVisibility': 'hidden',
  'git.enabled': false,
  'files.simpleDialog.enable': true,
};

function environment(node: string): NodeJS.ProcessEnv {
  const env: NodeJS.ProcessEnv = {
    ...process.env,
    PATH: `${path.dirname(node)}${path.delimiter}${process.env['PATH'] ?? ''}`,
  };
  // vitest's own, which would make children believe that they are under test.
  for (const name of [
    'VITEST',
    'NODE_ENV',
    'VITEST_WORKER_ID',
    'VITEST_POOL_ID',
    'TEST',
    'DEV',
    'PROD',
    'MODE',
    'NODE_OPTIONS',
  ])
    delete env[name];
  return env;
}

async function answers(url: string, ended: () => boolean, output: () => string): Promise<void> {
  for (let attempt = 0; attempt < 600; attempt += 1) {
    if (ended()) throw new Error(`code-server ended: ${output()}`);
    const answer = await fetch(url).catch(() => null);
    if (answer?.ok) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`code-server did not answer at ${url}: ${output()}`);
}

export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (!address || typeof address === 'string') throw new Error('no port');
  return address.port;
}
