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
  /** Ours over the median of the empty ones of the same kind in the same host, round by round. */
  ratio: Spread;
  /** The same over empty ES modules. */
  ratioToModule: Spread;
  /** Milliseconds. */
  ours: Spread;
  empty: Spread;
  emptyModule: Spread;
}

/** Of an empty extension: CommonJS as ours is and most are, and what the host loads faster; and an ES module. */
const kinds = ['commonjs', 'module'] as const;
type Kind = (typeof kinds)[number];

const idOf = (name: string) => `sage-studio.${name}`;
const both = (nth: number | string) => kinds.map((kind) => `${kind}-${nth}`);
/** The first of each kind pays for what the host loads once, and does not count. */
const before = ['first', 1, 2].flatMap(both);
const behind = [3, 4].flatMap(both);
const order = [...before.map(idOf), extensionId, ...behind.map(idOf)];

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
    const beside = await Promise.all([...before, ...behind].map((name) => packEmpty(folder, name)));
    const found: Record<'ours' | Kind, number>[] = [];
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
      const times = JSON.parse(await readFile(path.join(workspace, 'activation.json'), 'utf8')) as Times;
      if (round > 0)
        found.push({ ours: times[extensionId], commonjs: ofKind(times, 'commonjs'), module: ofKind(times, 'module') });
    }
    return {
      workbench: workbench.kind,
      rounds,
      ratio: spread(found.map(({ ours, commonjs }) => ours / commonjs)),
      ratioToModule: spread(found.map(({ ours, module }) => ours / module)),
      ours: spread(found.map(({ ours }) => ours)),
      empty: spread(found.map(({ commonjs }) => commonjs)),
      emptyModule: spread(found.map(({ module }) => module)),
    };
  } finally {
    await rm(folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** Milliseconds by extension. */
type Times = Record<string, number>;

function ofKind(times: Times, kind: Kind): number {
  return median([1, 2, 3, 4].map((nth) => times[idOf(`${kind}-${nth}`)]));
}

const mains: Record<Kind, string> = {
  commonjs: "const vscode = require('vscode');\nexports.activate = () => vscode.version;\n",
  module: "import * as vscode from 'vscode';\nexport function activate() {\n  return vscode.version;\n}\n",
};

async function packEmpty(parent: string, name: string): Promise<string> {
  const folder = path.join(parent, name);
  await mkdir(folder);
  const type = kinds.find((kind) => name.startsWith(kind))!;
  const manifest = { name, publisher: 'sage-studio', version: '0.0.0', type, main: './main.js' };
  const engines = { vscode: '^1.101.0' };
  await writeFile(path.join(folder, 'package.json'), JSON.stringify({ ...manifest, engines, activationEvents: [] }));
  await writeFile(path.join(folder, 'main.js'), mains[type]);
  const packagePath = path.join(parent, `${name}.vsix`);
  await writeFile(path.join(folder, '.vscodeignore'), '');
  const { createVSIX } = await import('@vscode/vsce');
  await createVSIX({ cwd: folder, packagePath, dependencies: false, allowMissingRepository: true, skipLicense: true });
  return packagePath;
}
