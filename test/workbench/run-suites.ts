import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { packageRoot } from '../../engine/package-root.ts';
import { type Line, resultsVariable, suitesVariable, type TestRecord } from './records.ts';
import { type Extension, installing, startServer } from './server.ts';
import type { CodeServer, Desktop } from './which.ts';

export interface SuiteOptions {
  extension: Extension;
  /** Folder that is opened. */
  workspace: string;
  /** Names of files in test/extension/suites; where left out, all that run on the sources. */
  suites?: readonly string[];
  /** False: Restricted Mode. */
  trust?: boolean;
  settings?: Record<string, unknown>;
  env?: Record<string, string>;
  /** Seconds after which a host that says nothing is given up. */
  limit?: number;
}

/** Where esbuild puts test/extension; a small extension of its own, so that suites can run beside an installed one. */
const bundle = path.join(packageRoot(), 'dist', 'test');

/**
 * Runs mocha suites inside the extension host of a real workbench.
 *
 * @returns a record of each test
 * @throws when the workbench does not start, or ends before the suites do; with what it printed
 */
export async function runSuites(workbench: Desktop | CodeServer, options: SuiteOptions): Promise<TestRecord[]> {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'sage-suites-'));
  const results = path.join(folder, 'results.jsonl');
  const env = {
    ...options.env,
    [resultsVariable]: results,
    ...(options.suites ? { [suitesVariable]: options.suites.join(',') } : {}),
  };
  try {
    const said = await (workbench.kind === 'desktop' ? inDesktop : inCodeServer)(
      workbench as never,
      options,
      env,
      folder,
    );
    const lines = existsSync(results)
      ? (await readFile(results, 'utf8'))
          .split('\n')
          .filter(Boolean)
          .map((line) => JSON.parse(line) as Line)
      : [];
    const tests = lines.filter((line) => line.kind === 'test');
    if (!lines.some((line) => line.kind === 'end'))
      throw new Error(`the extension host ended after ${tests.length} tests, before its suites did:\n${said}`);
    return tests;
  } finally {
    await rm(folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

type Run<W> = (workbench: W, options: SuiteOptions, env: Record<string, string>, folder: string) => Promise<string>;

const inCodeServer: Run<CodeServer> = async (workbench, options, env) => {
  const { chromium } = await import('playwright-core');
  const server = await startServer(workbench, { ...options, env });
  try {
    const browser = await chromium.launch({ executablePath: workbench.chromium, args: ['--no-sandbox'] });
    try {
      const page = await browser.newPage();
      const said: string[] = [];
      page.on('console', (message) => said.push(`${message.type()}: ${message.text()}`));
      page.on('pageerror', (error) => said.push(String(error)));
      const exit = new Promise<void>((resolve) => void page.exposeFunction('codeAutomationExit', () => resolve()));
      await page.exposeFunction(
        'codeAutomationLog',
        (_type: string, args: unknown[]) => void said.push(args.join(' ')),
      );
      const carrier: [string, string][] =
        'vsix' in options.extension ? [['extensionDevelopmentPath', server.uri(bundle)]] : [];
      const tests: [string, string] = ['extensionTestsPath', server.uri(path.join(bundle, 'index.js'))];
      await page.goto(server.url(options.workspace, [...carrier, tests]));
      let timer: NodeJS.Timeout | undefined;
      const late = new Promise<void>((resolve) => {
        timer = setTimeout(resolve, (options.limit ?? 600) * 1000);
      });
      await Promise.race([exit, late]);
      clearTimeout(timer);
      return [...said.slice(-60), server.output().slice(-4000)].join('\n');
    } finally {
      await browser.close();
    }
  } finally {
    await server.stop();
  }
};

const inDesktop: Run<Desktop> = async ({ executable }, options, env, folder) => {
  const { runTests } = await import('@vscode/test-electron');
  const user = path.join(folder, 'user', 'User');
  await mkdir(user, { recursive: true });
  await writeFile(path.join(user, 'settings.json'), JSON.stringify(options.settings ?? {}));
  const profile = ['--user-data-dir', path.join(folder, 'user'), '--extensions-dir', path.join(folder, 'extensions')];
  if ('vsix' in options.extension) {
    const { resolveCliArgsFromVSCodeExecutablePath } = await import('@vscode/test-electron');
    const { execFile } = await import('node:child_process');
    const [cli, ...args] = resolveCliArgsFromVSCodeExecutablePath(executable, { reuseMachineInstall: true });
    const install = [...args, ...profile, ...installing(options.extension)];
    await new Promise<void>((resolve, reject) =>
      execFile(cli!, install, (error) => (error ? reject(error) : resolve())),
    );
  }
  const failed = await runTests({
    vscodeExecutablePath: executable,
    reuseMachineInstall: true,
    extensionDevelopmentPath: 'development' in options.extension ? options.extension.development : bundle,
    extensionTestsPath: path.join(bundle, 'index.js'),
    extensionTestsEnv: env,
    launchArgs: [
      options.workspace,
      ...profile,
      ...(options.trust === false ? [] : ['--disable-workspace-trust']),
      '--skip-welcome',
      '--skip-release-notes',
      '--no-sandbox',
    ],
  }).then(
    () => '',
    (error: unknown) => String(error),
  );
  return failed;
};
