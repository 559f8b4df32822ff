import { execFile } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { link, open, readdir, readFile, readlink, rename, rm, stat } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { z } from 'zod';
import { SageError } from '../errors.ts';
import { diskError, errnoOf } from './disk.ts';
import { readStart } from './regular.ts';

const run = promisify(execFile);

const lockSchema = z.object({
  v: z.literal(1),
  pid: z.number().int().positive(),
  /** When the process began, in the system's own words; null where the system does not say. */
  startTime: z.string().nullable(),
  token: z.string().regex(/^[0-9a-f]{32}$/),
  host: z.string(),
  /** Identity of the machine's boot and of the pid namespace (containers); null where unknown. */
  boot: z.string().nullable(),
  namespace: z.string().nullable(),
  taken: z.iso.datetime(),
});

/** Content of a lock file: the process that owns a run. */
export type LockRecord = z.infer<typeof lockSchema>;

/** A lock that this process holds. */
export interface RunLock {
  record: LockRecord;
  /** Gives the run free; does nothing when the lock is no longer this one. */
  release(): Promise<void>;
  /** The same lock after its folder was renamed. */
  movedTo(folder: string): RunLock;
}

async function textOf(read: Promise<string>): Promise<string | null> {
  return read.then((text) => text.trim() || null).catch(() => null);
}

/**
 * When a living process began; null when there is no such process (a zombie counts as none), undefined when it lives but
 * the system does not say.
 */
export async function processStart(pid: number): Promise<string | null | undefined> {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if (errnoOf(error) === 'ESRCH') return null;
    if (errnoOf(error) !== 'EPERM') throw error; // EPERM: it lives and is another user's
  }
  if (process.platform === 'linux') {
    const text = await textOf(readFile(`/proc/${pid}/stat`, 'latin1'));
    if (text === null) return undefined;
    // The command, in parentheses, may itself hold spaces and parentheses; field 3 follows the last one.
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' || fields[0] === 'X' ? null : fields[19];
  }
  if (process.platform === 'win32') return undefined;
  const env = { ...process.env, LC_ALL: 'C' };
  return (await textOf(run('ps', ['-o', 'lstart=', '-p', String(pid)], { env }).then((r) => r.stdout))) ?? undefined;
}

async function bootIdentity(): Promise<string | null> {
  if (process.platform === 'linux') return textOf(readFile('/proc/sys/kernel/random/boot_id', 'utf8'));
  if (process.platform === 'darwin')
    return textOf(run('sysctl', ['-n', 'kern.bootsessionuuid']).then((result) => result.stdout));
  return null;
}

async function namespaceIdentity(): Promise<string | null> {
  return process.platform === 'linux' ? textOf(readlink('/proc/self/ns/pid')) : null;
}

async function ownRecord(): Promise<LockRecord> {
  return {
    v: 1,
    pid: process.pid,
    startTime: (await processStart(process.pid)) ?? null,
    token: randomBytes(16).toString('hex'),
    host: hostname(),
    boot: await bootIdentity(),
    namespace: await namespaceIdentity(),
    taken: new Date().toISOString(),
  };
}

/** `alive` also when the process cannot be seen from here: on another host or in another container. */
type Liveness = 'alive' | 'elsewhere' | 'dead';

async function liveness(record: LockRecord): Promise<Liveness> {
  if (record.host !== hostname()) return 'elsewhere';
  const boot = await bootIdentity();
  if (record.boot !== null && boot !== null && record.boot !== boot) return 'dead';
  if (record.namespace !== (await namespaceIdentity())) return 'elsewhere';
  const start = await processStart(record.pid);
  if (start === null) return 'dead';
  return start === undefined || record.startTime === null || start === record.startTime ? 'alive' : 'dead';
}

/** One lock file: whose it is, or that it is damaged (then `token` names its content). */
interface Link {
  file: string;
  token: string;
  record: LockRecord | null;
  state: Liveness | 'damaged';
}

const rootOf = (folder: string) => join(folder, 'lock');
const successorOf = (folder: string, token: string) => join(folder, `lock.after-${token}`);

/** A record has some hundred bytes; of what is longer the start is damaged, too. */
const maximumBytes = 64 << 10;

async function readLink(file: string): Promise<Link | null> {
  let text: string;
  try {
    text = await readStart(file, maximumBytes);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return null;
    throw diskError(error, file, 'read the lock');
  }
  let value: unknown = null;
  try {
    value = JSON.parse(text);
  } catch {
    // judged below
  }
  const parsed = lockSchema.safeParse(value);
  if (parsed.success)
    return { file, token: parsed.data.token, record: parsed.data, state: await liveness(parsed.data) };
  const token = `damaged-${createHash('sha256').update(text).digest('hex').slice(0, 16)}`;
  return { file, token, record: null, state: 'damaged' };
}

/**
 * The lock and its successors. A stale lock is never removed first and taken then, which would let two takers win: the
 * one that creates the file `lock.after-<token of the stale lock>` is the owner, and only one can. It then renames its
 * record over `lock`; if it dies before, its own file is the stale one that the next taker succeeds.
 */
async function readChain(folder: string): Promise<Link[]> {
  const chain: Link[] = [];
  for (let next = await readLink(rootOf(folder)); next; next = await readLink(successorOf(folder, next.token)))
    chain.push(next);
  return chain;
}

export interface LockState {
  /** Whether a process owns the run now; true as well when its process cannot be seen from here. */
  held: boolean;
  /** The owner, or the last one. */
  record: LockRecord | null;
  /** Whether the owner is on another host or in another container, where it can be neither seen nor signalled. */
  elsewhere: boolean;
}

/** Who owns a run. Takes nothing. */
export async function lockState(folder: string): Promise<LockState> {
  const end = (await readChain(folder)).at(-1);
  if (!end) return { held: false, record: null, elsewhere: false };
  const elsewhere = end.state === 'elsewhere';
  return { held: end.state === 'alive' || elsewhere, record: end.record, elsewhere };
}

function refusal(folder: string, { record, state, file }: Link): SageError {
  const pid = record?.pid;
  const elsewhere = state === 'elsewhere';
  return new SageError(
    'run/locked',
    elsewhere
      ? `The run is held by process ${pid} on ${record?.host}, which cannot be seen from here (${folder}).`
      : `The run is already being trained by process ${pid} (${folder}).`,
    elsewhere
      ? `Stop that process first; if it is certainly gone, remove ${file}.`
      : 'Stop it first, or wait until it is done.',
    { place: { file }, advice: elsewhere ? [] : [{ action: 'stop', run: folder }] },
  );
}

/** @throws SageError `run/locked` naming the pid, when a process owns the run. Takes nothing. */
export async function requireFree(folder: string): Promise<void> {
  const end = (await readChain(folder)).at(-1);
  if (end?.state === 'alive' || end?.state === 'elsewhere') throw refusal(folder, end);
}

/** Creates `file` with the content of `temporary` unless it exists; false if it does. */
async function createExclusively(temporary: string, file: string, content: string): Promise<boolean> {
  try {
    await link(temporary, file);
    return true;
  } catch (error) {
    const errno = errnoOf(error) ?? '';
    if (errno === 'EEXIST') return false;
    if (!['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK'].includes(errno)) throw error;
  }
  // A file system without hard links: exclusive all the same, though a reader may see the file before its content.
  try {
    const handle = await open(file, 'wx', 0o644);
    await handle.writeFile(content).finally(() => handle.close());
    return true;
  } catch (error) {
    if (errnoOf(error) === 'EEXIST') return false;
    throw error;
  }
}

/** A damaged file may be one that is just being written (see `createExclusively`); wait until it is surely not. */
async function settled(file: string): Promise<boolean> {
  const age = await stat(file).then(
    ({ mtimeMs }) => Date.now() - mtimeMs,
    () => 0,
  );
  if (age > 2000) return true;
  await new Promise((resolve) => setTimeout(resolve, 100));
  return false;
}

async function attempt(folder: string, temporary: string, content: string): Promise<'taken' | 'again'> {
  const chain = await readChain(folder);
  const end = chain.at(-1);
  if (!end) return (await createExclusively(temporary, rootOf(folder), content)) ? 'taken' : 'again';
  if (end.state === 'alive' || end.state === 'elsewhere') throw refusal(folder, end);
  if (end.state === 'damaged' && !(await settled(end.file))) return 'again';

  const claim = successorOf(folder, end.token);
  if (!(await createExclusively(temporary, claim, content))) return 'again';
  // The claim counts only if the chain still hangs on the root that was read: a winner replaces the root first and
  // removes the claims after, so a claim that could be made late finds another root.
  if ((await readLink(rootOf(folder)))?.token !== chain[0].token) {
    await rm(claim, { force: true });
    return 'again';
  }
  await rename(temporary, rootOf(folder));
  for (const { token } of chain) await rm(successorOf(folder, token), { force: true });
  return 'taken';
}

/** Removes what takers that died left behind: claims on locks long gone, and records never put in place. */
async function sweep(folder: string, token: string): Promise<void> {
  for (const name of await readdir(folder)) {
    const file = join(folder, name);
    const claim = name.startsWith('lock.after-') && name !== `lock.after-${token}`;
    const record = name.startsWith('lock.tmp-');
    if (!claim && !record) continue;
    const age = await stat(file).then(
      ({ mtimeMs }) => Date.now() - mtimeMs,
      () => 0,
    );
    if (age > 60_000) await rm(file, { force: true });
  }
}

async function release(folder: string, token: string): Promise<void> {
  const root = await readLink(rootOf(folder));
  if (root?.token === token) await rm(rootOf(folder), { force: true });
}

function lockOf(folder: string, record: LockRecord): RunLock {
  return { record, release: () => release(folder, record.token), movedTo: (moved) => lockOf(moved, record) };
}

/**
 * Makes this process the owner of a run. A lock whose process is dead, was replaced by another of the same pid, or
 * lived before the last boot is taken over; of several takers one wins.
 * @throws SageError `run/locked` naming the pid that holds it, or a disk error
 */
export async function takeLock(folder: string): Promise<RunLock> {
  const record = await ownRecord();
  const content = JSON.stringify(record) + '\n';
  const temporary = join(folder, `lock.tmp-${record.token}`);
  try {
    const handle = await open(temporary, 'wx', 0o644);
    await handle
      .writeFile(content)
      .then(() => handle.sync())
      .finally(() => handle.close());
    while ((await attempt(folder, temporary, content)) === 'again');
    await rm(temporary, { force: true });
    await sweep(folder, record.token);
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => undefined);
    throw diskError(error, rootOf(folder), 'take the lock of the run');
  }
  return lockOf(folder, record);
}
