import { execFile } from 'node:child_process';
import { cpus, hostname, release, totalmem } from 'node:os';
import { createRequire } from 'node:module';
import { promisify } from 'node:util';
import { z } from 'zod';
import { packageVersion } from '../package-root.ts';

const run = promisify(execFile);

export const provenanceSchema = z.object({
  /** Versions of the program, of Node and of the parts that do the arithmetic. */
  versions: z.record(z.string(), z.string()),
  /** Commit of the git work tree the run was launched from, null outside one. */
  commit: z.string().nullable(),
  /** Whether that work tree had uncommitted changes; null outside one. */
  modified: z.boolean().nullable(),
  host: z.string(),
  platform: z.string(),
  cpu: z.string(),
  cores: z.number().int().nonnegative(),
  /** Bytes. */
  memory: z.number().nonnegative(),
  /** Devices the policy runs on, as it names them. */
  devices: z.array(z.string()),
  seed: z.number(),
});

/** What one needs to know to repeat a run. */
export type Provenance = z.infer<typeof provenanceSchema>;

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
