import { randomBytes } from 'node:crypto';
import { lstat, mkdir, open, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { SageError } from '../errors.ts';
import {
  checkFiles,
  checksumOf,
  Fault,
  readJson,
  readManifest,
  sha256Of,
  stateSchema,
  type CheckpointManifest,
  type CheckpointState,
} from './checkpoint-manifest.ts';
import { diskError, errnoOf, syncFolder } from './disk.ts';
import { iterationName, runPaths } from './folder.ts';

export type { CheckpointManifest, CheckpointState } from './checkpoint-manifest.ts';

export interface CheckpointInfo {
  iteration: number;
  folder: string;
  valid: boolean;
  /** Why it is not valid, naming the file; null when it is. */
  reason: string | null;
  reward: number | null;
  /** Bytes of all its files. */
  bytes: number;
}

const leftover = /^\.tmp-/;
const digits = /^\d{6,}$/;

/** Every file under a folder, as relative paths with `/`, sorted. */
async function filesUnder(folder: string, prefix = ''): Promise<string[]> {
  const files: string[] = [];
  for (const entry of await readdir(join(folder, prefix), { withFileTypes: true })) {
    const name = prefix === '' ? entry.name : `${prefix}/${entry.name}`;
    if (entry.isDirectory()) files.push(...(await filesUnder(folder, name)));
    else files.push(name);
  }
  return files.sort();
}

async function syncFile(file: string): Promise<void> {
  const handle = await open(file, 'r+');
  await handle.sync().finally(() => handle.close());
}

async function syncFolders(folder: string): Promise<void> {
  for (const entry of await readdir(folder, { withFileTypes: true }))
    if (entry.isDirectory()) await syncFolders(join(folder, entry.name));
  await syncFolder(folder);
}

/** Writes everything into `folder`, the manifest last, and has it all on the disk. */
async function fill(
  folder: string,
  state: CheckpointState,
  reward: number | null,
  writeFiles: (folder: string) => Promise<string[]>,
): Promise<CheckpointManifest> {
  const named = await writeFiles(folder);
  await writeFile(join(folder, 'state.json'), JSON.stringify(stateSchema.parse(state), null, 2) + '\n');
  const names = await filesUnder(folder);
  const missing = named.find((name) => !names.some((file) => file === name || file.startsWith(`${name}/`)));
  if (missing !== undefined) throw new Error(`the policy named ${missing} but did not write it`);
  const files: CheckpointManifest['files'] = [];
  for (const name of names) {
    const file = join(folder, name);
    await syncFile(file);
    files.push({ name, bytes: (await lstat(file)).size, sha256: await sha256Of(file) });
  }
  const time = new Date().toISOString();
  const manifest: CheckpointManifest = { v: 1, iteration: state.iteration, reward, time, files, checksum: '' };
  manifest.checksum = checksumOf(manifest);
  await writeFile(join(folder, 'manifest.json'), JSON.stringify(manifest, null, 2) + '\n', { flush: true });
  await syncFolders(folder);
  return manifest;
}

/** Moves a folder out of sight before it is deleted, so that no half-deleted checkpoint is ever seen. */
async function discard(folder: string): Promise<void> {
  const hidden = join(folder, '..', `.tmp-old-${basename(folder)}-${randomBytes(4).toString('hex')}`);
  await rename(folder, hidden);
  await rm(hidden, { recursive: true, force: true });
}

/**
 * Saves checkpoints/<iteration>: everything is written and synced in a hidden sibling folder which is then renamed, so
 * that a checkpoint is whole or not there. One of the same iteration is replaced.
 * @param writeFiles writes the policy into the folder it is given and returns the names (see `Policy.saveState`)
 * @param options.reward evaluation reward of the policy, where it was measured
 * @throws SageError for a disk error; nothing is left of the attempt and earlier checkpoints are intact
 */
export async function saveCheckpoint(
  runFolder: string,
  iteration: number,
  writeFiles: (folder: string) => Promise<string[]>,
  state: CheckpointState,
  options: { reward?: number | null } = {},
): Promise<CheckpointInfo> {
  const parent = runPaths(runFolder).checkpoints;
  const folder = join(parent, iterationName(iteration));
  const temporary = join(parent, `.tmp-${iterationName(iteration)}-${randomBytes(4).toString('hex')}`);
  if (state.iteration !== iteration) throw new RangeError(`state is of iteration ${state.iteration}, not ${iteration}`);
  const reward = options.reward ?? null;
  try {
    await mkdir(parent, { recursive: true });
    await mkdir(temporary);
    const { files } = await fill(temporary, state, reward, writeFiles);
    await discard(folder).catch((error) => {
      if (errnoOf(error) !== 'ENOENT') throw error;
    });
    await rename(temporary, folder);
    await syncFolder(parent);
    const bytes = files.reduce((sum, file) => sum + file.bytes, 0);
    return { iteration, folder, valid: true, reason: null, reward, bytes };
  } catch (error) {
    await rm(temporary, { recursive: true, force: true }).catch(() => undefined);
    throw diskError(error, folder, `save the checkpoint of iteration ${iteration}`);
  }
}

/**
 * Says whether a checkpoint folder is whole and unaltered.
 * @param options.deep compare the sha256 of every file (default), or only manifest and sizes
 */
export async function validateCheckpoint(
  folder: string,
  options: { deep?: boolean } = {},
): Promise<{ valid: boolean; reason: string | null; manifest: CheckpointManifest | null }> {
  const deep = options.deep ?? true;
  let manifest: CheckpointManifest | null = null;
  try {
    manifest = await readManifest(folder);
    await checkFiles(folder, manifest, deep);
    if (deep) await readJson(folder, 'state.json', stateSchema);
    return { valid: true, reason: null, manifest };
  } catch (error) {
    if (error instanceof Fault) return { valid: false, reason: error.message, manifest };
    throw diskError(error, folder, 'check the checkpoint');
  }
}

/**
 * Reads what a resume needs besides the policy's files. Check the checkpoint first.
 * @throws SageError `checkpoint/broken`
 */
export async function readCheckpointState(folder: string): Promise<CheckpointState> {
  try {
    return await readJson(folder, 'state.json', stateSchema);
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    throw new SageError(
      'checkpoint/broken',
      `The checkpoint ${folder} cannot be used: ${error.message}.`,
      'Resume from an earlier checkpoint.',
      { place: { file: folder }, advice: [{ action: 'resume-from', run: dirname(dirname(folder)) }] },
    );
  }
}

/** Checkpoints of a run that are shown, the newest. */
export const shownCheckpoints = 1000;

/**
 * The checkpoints of a run, oldest first, each with its validity: by manifest and sizes, or with `deep` by sha256.
 * @param options.newest no more than so many, the newest
 */
export async function listCheckpoints(
  runFolder: string,
  options: { deep?: boolean; newest?: number } = {},
): Promise<CheckpointInfo[]> {
  const parent = runPaths(runFolder).checkpoints;
  let names: string[];
  try {
    names = (await readdir(parent)).filter((name) => digits.test(name));
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return [];
    throw diskError(error, parent, 'list the checkpoints');
  }
  names.sort((a, b) => Number(a) - Number(b));
  const found: CheckpointInfo[] = [];
  for (const name of names.slice(-(options.newest ?? names.length))) {
    const folder = join(parent, name);
    const { valid, reason, manifest } = await validateCheckpoint(folder, { deep: options.deep ?? false });
    const bytes = manifest?.files.reduce((sum, file) => sum + file.bytes, 0) ?? 0;
    found.push({ iteration: Number(name), folder, valid, reason, reward: manifest?.reward ?? null, bytes });
  }
  return found;
}

export interface ResumePoint {
  iteration: number;
  folder: string;
  state: CheckpointState;
  /** Newer checkpoints that were passed over because they are damaged, newest first. */
  skipped: { iteration: number; reason: string }[];
}

/**
 * The newest checkpoint whose every file is intact (sha256), at or before `fromIteration` if that is given; null when
 * there is none.
 */
export async function newestValid(runFolder: string, fromIteration = Infinity): Promise<ResumePoint | null> {
  const skipped: ResumePoint['skipped'] = [];
  for (const { iteration, folder } of (await listCheckpoints(runFolder)).reverse()) {
    if (iteration > fromIteration) continue;
    const { valid, reason } = await validateCheckpoint(folder);
    if (valid) return { iteration, folder, state: await readCheckpointState(folder), skipped };
    skipped.push({ iteration, reason: reason ?? '' });
  }
  return null;
}

/**
 * Deletes old checkpoints: the newest `keep` valid ones and the one of `bestIteration` stay, and whatever is newer
 * than the oldest of those. Returns the iterations deleted.
 */
export async function retainCheckpoints(
  runFolder: string,
  options: { keep: number; bestIteration?: number | null },
): Promise<number[]> {
  const all = await listCheckpoints(runFolder);
  const newest = all.filter(({ valid }) => valid).slice(-Math.max(1, options.keep));
  if (newest.length === 0) return [];
  const old = all.filter(({ iteration }) => iteration < newest[0].iteration && iteration !== options.bestIteration);
  return discardAll(old);
}

/**
 * Deletes the checkpoints after an iteration, newest first, so that a resume from there cannot be overtaken by a future
 * that it has left. Do it before the events are cut. Returns the iterations deleted.
 */
export async function discardCheckpointsAfter(runFolder: string, iteration: number): Promise<number[]> {
  const later = (await listCheckpoints(runFolder)).filter((checkpoint) => checkpoint.iteration > iteration);
  return discardAll(later.reverse());
}

async function discardAll(checkpoints: CheckpointInfo[]): Promise<number[]> {
  for (const { folder } of checkpoints)
    await discard(folder).catch((error) => {
      throw diskError(error, folder, 'delete the checkpoint');
    });
  return checkpoints.map(({ iteration }) => iteration);
}

/** Removes what a killed process left half-written or half-deleted. Only the holder of the run's lock may. */
export async function cleanCheckpoints(runFolder: string): Promise<string[]> {
  const parent = runPaths(runFolder).checkpoints;
  try {
    const names = (await readdir(parent)).filter((name) => leftover.test(name));
    for (const name of names) await rm(join(parent, name), { recursive: true, force: true });
    return names;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return [];
    throw diskError(error, parent, 'clean up the checkpoints');
  }
}
