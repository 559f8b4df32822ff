/** How long the packed extension takes to activate, against an extension that does nothing, in the same extension host. */
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { packageRoot } from '../../engine/package-root.ts';
import { extensionId } from '../workbench/records.ts';
import { runSuites } from '../workbench/run-suites.ts';
import { findWorkbench } from '../workbench/which.ts';
import { median, type Spread, spread } from './statistics.ts';

export interface ActivationResult {
  workbench: 'desktop' | 'code-server';
  /** Workbenches that were opened, besides the first, which warms the disk's cache. */
  rounds: number;
  /** Ours over the median of the empty ones in the same host, round by round. */
  ratio: Spread;
  /** Milliseconds. */
  ours: Spread;
  empty: Spread;
}

/** Around ours; the first of all pays for what the host loads once, and does not count. */
const empties = ['first', 'empty-1', 'empty-2', 'empty-3', 'empty-4'];
const idOf = (name: string) => `sage-studio.${name}`;
const order = [...empties.slice(0, 3).map(idOf), extensionId, ...empties.slice(3).map(idOf)];

/** Opens a workbench for each round. @returns why not, where it cannot */
export async function measureActivation(rounds: number): Promise<ActivationResult | string> {
  const workbench = await findWorkbench();
  if (workbench.kind === 'none') return workbench.reason;
  const folder = await mkdtemp(path.join(os.tmpdir(), 'sage-activation-'));
  try {
    const run = promisify(execFile);
    await run(process.execPath, ['esbuild.mjs', '--tests', '--quiet'], { cwd: packageRoot() });
    const vsix = path.join(folder, 'sage-studio.vsix');
    await run(process.execPath, ['vsix.mjs', '--out', vsix], { cwd: packageRoot() });
    const beside = await Promise.all(empties.map((name) => packEmpty(folder, name)));
    const pairs: { ours: number; empty: number }[] = [];
    for (let round = 0; round <= rounds; round += 1) {
      const workspace = path.join(folder, `workspace-${round}`);
      await mkdir(workspace);
      const [record] = await runSuites(workbench, {
        extension: { vsix, beside },
        workspace,
        suites: ['activation-times'],
        env: { SAGE_BENCH_ACTIVATE: order.join(',') },
      });
      if (record?.state !== 'passed') throw new Error(record?.error ?? 'nothing was measured');
      const times = JSON.parse(await readFile(path.join(workspace, 'activation.json'), 'utf8')) as Record<
        string,
        number
      >;
      if (round > 0)
        pairs.push({ ours: times[extensionId]!, empty: median(empties.slice(1).map((name) => times[idOf(name)]!)) });
    }
    return {
      workbench: workbench.kind,
      rounds,
      ratio: spread(pairs.map((pair) => pair.ours / pair.empty)),
      ours: spread(pairs.map((pair) => pair.ours)),
      empty: spread(pairs.map((pair) => pair.empty)),
    };
  } finally {
    await rm(folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

async function packEmpty(parent: string, name: string): Promise<string> {
  const folder = path.join(parent, name);
  await mkdir(folder);
  const manifest = { name, publisher: 'sage-studio', version: '0.0.0', type: 'module', main: './main.js' };
  const engines = { vscode: '^1.101.0' };
  await writeFile(path.join(folder, 'package.json'), JSON.stringify({ ...manifest, engines, activationEvents: [] }));
  await writeFile(
    path.join(folder, 'main.js'),
    "import * as vscode from 'vscode';\nexport function activate() {\n  return vscode.version;\n}\n",
  );
  const packagePath = path.join(parent, `${name}.vsix`);
  await writeFile(path.join(folder, '.vscodeignore'), '');
  const { createVSIX } = await import('@vscode/vsce');
  await createVSIX({ cwd: folder, packagePath, dependencies: false, allowMissingRepository: true, skipLicense: true });
  return packagePath;
}
