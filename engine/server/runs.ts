import { stat } from 'node:fs/promises';
import path from 'node:path';
import { exitCodes, SageError } from '../errors.ts';
import { runFolderNames } from '../run/folder.ts';
import { newestFirst } from '../run/order.ts';
import { glanceAt, type RunGlance } from '../run/glance.ts';

/** Milliseconds after which requests that wait get their turn. */
const patience = 10;

/**
 * The folder of a run.
 * @param id checked by the protocol: a plain name
 * @throws SageError `run/unknown`
 */
export async function folderOf(runsDir: string, id: string): Promise<string> {
  const folder = path.join(runsDir, id);
  if ((await stat(folder).catch(() => null))?.isDirectory()) return folder;
  throw new SageError('run/unknown', `There is no run "${id}".`, 'It was moved or deleted; list the runs again.', {
    place: { file: runsDir },
    exitCode: exitCodes.usage,
  });
}

/** Glances at some runs; folders that are none are left out. */
export async function glanceAll(runsDir: string, names: readonly string[]): Promise<RunGlance[]> {
  const found: RunGlance[] = [];
  let began = performance.now();
  for (const name of names) {
    const glance = await glanceAt(path.join(runsDir, name), name);
    if (glance) found.push(glance);
    if (performance.now() - began < patience) continue;
    await new Promise((resolve) => setImmediate(resolve));
    began = performance.now();
  }
  return found;
}

/** The runs of a folder, newest first, those that cannot be read last. */
export async function listGlances(runsDir: string): Promise<RunGlance[]> {
  return (await glanceAll(runsDir, await runFolderNames(runsDir))).sort(newestFirst);
}
