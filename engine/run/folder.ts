import { randomBytes } from 'node:crypto';
import { lstat, mkdir, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { SageError, exitCodes } from '../errors.ts';
import { closest } from '../spelling.ts';
import { diskError, errnoOf, makeFolder, syncFolder, writeFileAtomic } from './disk.ts';
import { newestFirst } from './order.ts';
import { lockState, takeLock, type RunLock } from './lock.ts';
import type { Provenance } from './provenance.ts';
import { runSchema, type CurrentStatus, type RunRecord } from './record.ts';
import { readStart, readStartSync } from './regular.ts';

export { diskError } from './disk.ts';
export { runStatuses, type CurrentStatus, type RunRecord, type RunStatus } from './record.ts';

export const runNamePattern = /^[a-zA-Z0-9._-]+$/;
/** What the ids of runs look like, unless someone renamed the folder. */
export const runIdPattern = /^[a-zA-Z0-9._-]+-\d{8}-\d{6}(-\d+)?$/;

/** A record with a list of thousands of prompts has some hundred kB; what is larger is none. */
const maximumRecordBytes = 16 << 20;

/** Paths inside a run folder (see the design: run directory). */
export function runPaths(folder: string) {
  return {
    folder,
    run: join(folder, 'run.json'),
    config: join(folder, 'config.sage.yaml'),
    events: join(folder, 'events.jsonl'),
    rollouts: join(folder, 'rollouts'),
    evaluations: join(folder, 'evaluations'),
    checkpoints: join(folder, 'checkpoints'),
    log: join(folder, 'engine.log'),
    lock: join(folder, 'lock'),
  };
}

/** The folder name of an iteration: six digits, so that names sort as numbers do. */
export function iterationName(iteration: number): string {
  return String(iteration).padStart(6, '0');
}

/** `yyyymmdd-hhmmss` in local time, as a person would look for it. */
function stamp(now: Date): string {
  const two = (n: number) => String(n).padStart(2, '0');
  const date = `${now.getFullYear()}${two(now.getMonth() + 1)}${two(now.getDate())}`;
  return `${date}-${two(now.getHours())}${two(now.getMinutes())}${two(now.getSeconds())}`;
}

async function exists(path: string): Promise<boolean> {
  try {
    await lstat(path);
    return true;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return false;
    throw error;
  }
}

/**
 * Gives a whole folder its final name: the first free of `id`, `id-2`, `id-3`, … Renaming onto a run made meanwhile by
 * another process fails, since that is not empty.
 */
async function settle(temporary: string, runsDir: string, id: string, record: RunRecord): Promise<RunRecord> {
  for (let n = 1; ; n++) {
    const named = { ...record, id: n === 1 ? id : `${id}-${n}` };
    const folder = join(runsDir, named.id);
    if (await exists(folder)) continue;
    await writeFile(join(temporary, 'run.json'), JSON.stringify(named, null, 2) + '\n', { flush: true });
    try {
      await rename(temporary, folder);
      await syncFolder(runsDir);
      return named;
    } catch (error) {
      if (!['EEXIST', 'ENOTEMPTY', 'EPERM', 'ENOTDIR'].includes(errnoOf(error) ?? '') || !(await exists(folder)))
        throw error;
    }
  }
}

/**
 * Makes `runsDir/<name>-<yyyymmdd-hhmmss>` with config.sage.yaml, run.json (status `running`) and the empty folders.
 * It appears whole or not at all; two runs of one second get `-2`, `-3`, … . `runsDir` is created if need be.
 * @param configText the config exactly as launched
 * @param options.files further files of the folder, by name
 * @returns with `lock`, the run is this process's from the moment it appears, so that nobody takes it for crashed
 * @throws SageError for a name that is no folder name, or for a disk error
 */
export async function createRun(
  runsDir: string,
  name: string,
  configText: string,
  config: object,
  provenance: Provenance,
  options: { files?: Readonly<Record<string, string>>; lock?: boolean } = {},
): Promise<{ id: string; folder: string; record: RunRecord; lock: RunLock | null }> {
  if (!runNamePattern.test(name) || /^\.+$/.test(name))
    throw new SageError(
      'run/name',
      `"${name}" cannot name a run.`,
      'Use letters, digits, dot, underscore and hyphen only.',
      { place: { key: 'name' }, exitCode: exitCodes.usage },
    );
  const temporary = join(runsDir, `.tmp-run-${randomBytes(6).toString('hex')}`);
  const now = new Date();
  const record: RunRecord = {
    v: 1,
    id: '',
    name,
    created: now.toISOString(),
    status: 'running',
    message: null,
    config: config as Record<string, unknown>,
    provenance,
  };
  try {
    await makeFolder(runsDir);
    await mkdir(temporary);
    for (const inner of ['rollouts', 'checkpoints']) await mkdir(join(temporary, inner));
    for (const [name, text] of Object.entries({ 'config.sage.yaml': configText, ...options.files }))
      await writeFile(join(temporary, name), text, { flush: true });
    const lock = options.lock ? await takeLock(temporary) : null;
    const named = await settle(temporary, runsDir, `${name}-${stamp(now)}`, record);
    const folder = resolve(runsDir, named.id);
    return { id: named.id, folder, record: named, lock: lock?.movedTo(folder) ?? null };
  } catch (error) {
    await rm(temporary, { recursive: true, force: true }).catch(() => undefined);
    throw diskError(error, runsDir, 'create the run folder');
  }
}

function brokenRun(folder: string, why: string): SageError {
  const message = `${folder} is not a readable run: ${why}.`;
  return new SageError('run/broken', message, 'Check the path, or remove the folder.', {
    place: { file: runPaths(folder).run },
  });
}

/** Why run.json could not be read. */
function unreadRun(folder: string, error: unknown): Error {
  if (errnoOf(error) === 'ENOENT') return brokenRun(folder, 'it has no run.json');
  return diskError(error, runPaths(folder).run, 'read the run');
}

/**
 * Reads and checks run.json.
 * @throws SageError `run/broken` when it is missing or not valid, or a disk error
 */
export async function readRun(folder: string): Promise<RunRecord> {
  const file = runPaths(folder).run;
  let text: string;
  try {
    text = await readStart(file, maximumRecordBytes + 1);
  } catch (error) {
    throw unreadRun(folder, error);
  }
  return parseRun(folder, text);
}

/** As `readRun`, several times faster for a file of a local disk, and this process waits meanwhile. */
export function readRunSync(folder: string): RunRecord {
  const file = runPaths(folder).run;
  let text: string;
  try {
    text = readStartSync(file, maximumRecordBytes + 1);
  } catch (error) {
    throw unreadRun(folder, error);
  }
  return parseRun(folder, text);
}

function parseRun(folder: string, text: string): RunRecord {
  const broken = (why: string) => brokenRun(folder, why);
  if (Buffer.byteLength(text) > maximumRecordBytes)
    throw broken(`run.json is larger than ${maximumRecordBytes >> 20} MiB`);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw broken('run.json is not JSON');
  }
  const record = runSchema.safeParse(value);
  if (record.success) return record.data;
  const { path, message } = record.error.issues[0];
  throw broken(`run.json has a fault at ${path.join('.') || 'its top'} (${message})`);
}

/** The last change of each run.json that is under way, so that changes are made in the order in which they were asked for. */
const changes = new Map<string, Promise<unknown>>();

/**
 * Replaces run.json atomically with some fields changed; only the holder of the run's lock may. Calls of one process take
 * effect in their order, also when they are not awaited.
 * @throws SageError `run/broken` or a disk error; the old content is then intact
 */
export async function updateRun(
  folder: string,
  change: Partial<Pick<RunRecord, 'status' | 'message' | 'config' | 'changes' | 'provenance'>>,
): Promise<RunRecord> {
  const file = resolve(runPaths(folder).run);
  const replace = async () => {
    const record = { ...(await readRun(folder)), ...change };
    await writeFileAtomic(file, JSON.stringify(record, null, 2) + '\n', { doing: 'write run.json' });
    return record;
  };
  const turn = (changes.get(file) ?? Promise.resolve()).then(replace, replace);
  changes.set(file, turn);
  try {
    return await turn;
  } finally {
    if (changes.get(file) === turn) changes.delete(file);
  }
}

const isGoingOn = ({ status }: RunRecord) => status === 'running' || status === 'paused';

/** The status as it is now: a run that says it is running or paused, but whose process is gone, has crashed. */
export async function currentStatus(folder: string, record: RunRecord): Promise<CurrentStatus> {
  if (!isGoingOn(record) || (await lockState(folder)).held) return record.status;
  // It may have ended properly after the record was read.
  const now = await readRun(folder);
  return isGoingOn(now) ? 'crashed' : now.status;
}

export type ListedRun =
  | { id: string; folder: string; broken: null; record: RunRecord; status: CurrentStatus }
  | { id: string; folder: string; broken: string };

async function readListed(folder: string): Promise<ListedRun | null> {
  const id = basename(folder);
  try {
    const record = await readRun(folder);
    return { id, folder, broken: null, record, status: await currentStatus(folder, record) };
  } catch (error) {
    if (!(error instanceof SageError)) throw error;
    const foreign = !runIdPattern.test(id) && !(await exists(runPaths(folder).run).catch(() => true));
    return foreign ? null : { id, folder, broken: error.message };
  }
}

/** Names of the folders that may be runs. A missing `runsDir` has none. */
export async function runFolderNames(runsDir: string): Promise<string[]> {
  try {
    const entries = await readdir(runsDir, { withFileTypes: true });
    return entries
      .filter((entry) => (entry.isDirectory() || entry.isSymbolicLink()) && !entry.name.startsWith('.'))
      .map((entry) => entry.name);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return [];
    throw diskError(error, runsDir, 'list the runs');
  }
}

/**
 * The runs of a folder, newest first. Folders that are no runs are passed over; runs that cannot be read are listed
 * last with the reason in `broken`. A missing `runsDir` has no runs.
 */
export async function listRuns(runsDir: string): Promise<ListedRun[]> {
  const names = await runFolderNames(runsDir);
  const listed = await Promise.all(names.map((name) => readListed(resolve(runsDir, name))));
  const runs = listed.filter((run) => run !== null);
  const dated = (run: ListedRun) => ({ id: run.id, created: run.broken === null ? run.record.created : null });
  return runs.sort((a, b) => newestFirst(dated(a), dated(b)));
}

/** The most similar of some names, if any is similar enough to be a slip of the finger. */
function nearestName(wanted: string, names: string[]): string | undefined {
  const beginning = names.find((name) => wanted.length >= 3 && name.startsWith(wanted));
  if (beginning !== undefined) return beginning;
  return closest(wanted, names) ?? undefined;
}

/**
 * Finds a run's folder by its path, its id, or its name (the newest of that name).
 * @throws SageError `run/unknown` (exit code 2), with "did you mean" where something similar exists
 */
export async function findRun(nameOrPath: string, runsDir: string): Promise<string> {
  for (const folder of [resolve(nameOrPath), resolve(runsDir, nameOrPath)])
    if (nameOrPath !== '' && (await stat(runPaths(folder).run).catch(() => null))?.isFile()) return folder;
  const runs = await listRuns(runsDir);
  const named = runs.find((run) => run.id === nameOrPath || (run.broken === null && run.record.name === nameOrPath));
  if (named) return named.folder;
  const names = runs.flatMap((run) => (run.broken === null ? [run.id, run.record.name] : [run.id]));
  const nearest = nearestName(nameOrPath, names);
  const remedy =
    nearest !== undefined
      ? `Did you mean "${nearest}"?`
      : runs.length > 0
        ? 'Look at the list of the runs there are.'
        : `There are no runs in ${resolve(runsDir)}; choose another folder with --runs.`;
  throw new SageError('run/unknown', `There is no run "${nameOrPath}".`, remedy, {
    place: { file: resolve(runsDir) },
    advice: nearest === undefined && runs.length > 0 ? [{ action: 'list' }] : [],
    exitCode: exitCodes.usage,
  });
}
