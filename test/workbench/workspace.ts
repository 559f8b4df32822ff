import { existsSync } from 'node:fs';
import { cp, mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { packageRoot } from '../../engine/package-root.ts';

/** A folder of its own, to be opened in a workbench. */
export interface Workspace {
  folder: string;
  /** Folders of runs in it, newest last. */
  runs(): Promise<string[]>;
  /** Ends trainers that are still there, and removes the folder. */
  remove(): Promise<void>;
}

/** @param examples names of presets that lie in it from the start */
export async function createWorkspace(...examples: string[]): Promise<Workspace> {
  const folder = path.join(await mkdtemp(path.join(os.tmpdir(), 'sage-workspace-')), 'videos');
  await mkdir(folder);
  for (const name of examples)
    await cp(path.join(packageRoot(), 'examples', `${name}.sage.yaml`), path.join(folder, `${name}.sage.yaml`));
  const runs = async () => {
    const place = path.join(folder, 'runs');
    if (!existsSync(place)) return [];
    return (await readdir(place)).toSorted().map((name) => path.join(place, name));
  };
  const remove = async () => {
    for (const run of await runs()) await killTrainer(run);
    await rm(path.dirname(folder), { recursive: true, force: true, maxRetries: 10 });
  };
  return { folder, runs, remove };
}

/** Ends the trainer of a run by SIGKILL, as the kernel does when memory runs out. @returns whether there was one */
export async function killTrainer(run: string): Promise<boolean> {
  const lock = await readFile(path.join(run, 'lock'), 'utf8').catch(() => null);
  if (lock === null) return false;
  try {
    process.kill((JSON.parse(lock) as { pid: number }).pid, 'SIGKILL');
    return true;
  } catch {
    return false;
  }
}
