import { execFile } from 'node:child_process';
import { cpus, hostname, release, totalmem } from 'node:os';
import { createRequire } from 'node:module';
import { promisify } from 'node:util';
import { packageVersion } from '../package-root.ts';
import type { Provenance } from './record.ts';

export type { Provenance } from './record.ts';

const run = promisify(execFile);

async function git(folder: string, ...argv: string[]): Promise<string | null> {
  try {
    return (await run('git', ['-C', folder, ...argv], { timeout: 5000, maxBuffer: 1 << 24 })).stdout.trim();
  } catch {
    return null; // no git, or no work tree: both mean that there is no commit to name
  }
}

function installedVersion(name: string): string | undefined {
  try {
    return createRequire(import.meta.url)(`${name}/package.json`).version;
  } catch {
    return undefined;
  }
}

/**
 * Collects what one needs to know to repeat a run. It never fails: what cannot be found out is null or left out.
 * @param options.folder where git is asked for the commit, by default the working folder
 * @param options.versions further versions, such as the policy's
 */
export async function collectProvenance(options: {
  seed: number;
  devices?: string[];
  versions?: Record<string, string>;
  folder?: string;
}): Promise<Provenance> {
  const folder = options.folder ?? process.cwd();
  const commit = await git(folder, 'rev-parse', 'HEAD');
  const changes = commit === null ? null : await git(folder, 'status', '--porcelain');
  const versions: Record<string, string | undefined> = {
    'sage-grpo': packageVersion(),
    node: process.versions.node,
    'onnxruntime-node': installedVersion('onnxruntime-node'),
    ...options.versions,
  };
  const processors = cpus();
  return {
    versions: Object.fromEntries(Object.entries(versions).filter((entry): entry is [string, string] => !!entry[1])),
    commit,
    modified: changes === null ? null : changes !== '',
    host: hostname(),
    platform: `${process.platform} ${release()} ${process.arch}`,
    cpu: processors[0]?.model.trim() ?? 'unknown',
    cores: processors.length,
    memory: totalmem(),
    devices: options.devices ?? ['cpu'],
    seed: options.seed,
  };
}
