import { randomBytes } from 'node:crypto';
import { lstat, mkdir, open, readdir, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { ErrorCode } from '../error-code.ts';
import { SageError } from '../errors.ts';

interface DiskFault {
  code: ErrorCode;
  says: string;
  remedy: string;
}

const faults: Record<string, DiskFault> = {
  ENOENT: { code: 'file/missing', says: 'it does not exist', remedy: 'Check the path, or create the folder first.' },
  ENOTDIR: {
    code: 'file/not-a-folder',
    says: 'a part of the path is a file, not a folder',
    remedy: 'Choose a path whose every parent is a folder.',
  },
  EEXIST: {
    code: 'file/not-a-folder',
    says: 'a file of that name is in its place',
    remedy: 'Choose a path whose every parent is a folder.',
  },
  EISDIR: { code: 'file/not-a-file', says: 'it is a folder, not a file', remedy: 'Name a file instead of a folder.' },
  EACCES: {
    code: 'file/no-permission',
    says: 'permission was denied',
    remedy: 'Give your user permission to it (chmod, chown), or choose another folder.',
  },
  EROFS: {
    code: 'disk/read-only',
    says: 'the file system is mounted read-only',
    remedy: 'Choose a folder on a writable disk.',
  },
  ENOSPC: {
    code: 'disk/full',
    says: 'the disk is full',
    remedy: 'Free some space or choose a folder on another disk; what was written before is intact.',
  },
  EDQUOT: {
    code: 'disk/full',
    says: 'your disk quota is used up',
    remedy: 'Free some space or ask for a larger quota; what was written before is intact.',
  },
  EIO: {
    code: 'disk/broken',
    says: 'the disk reported an input/output error',
    remedy: 'Check the disk and the system log before you go on.',
  },
  EMFILE: {
    code: 'file/too-many',
    says: 'too many files are open',
    remedy: 'Raise the limit with `ulimit -n` and try again.',
  },
};
faults.EPERM = faults.EACCES;

/** The errno name (`ENOSPC`) of a failed system call, or undefined for any other error. */
export function errnoOf(error: unknown): string | undefined {
  const code = error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined;
  return typeof code === 'string' && /^E[A-Z0-9]+$/.test(code) ? code : undefined;
}

/**
 * Turns a failed system call into the error a person can act on.
 * @param doing what was attempted, as in "write the checkpoint"; completes "Could not … ."
 * @returns a SageError for a failed system call; any other error (also a SageError) comes back unchanged, so that
 *   a defect of the program is never dressed up as a disk fault.
 */
export function diskError(error: unknown, file: string, doing: string): Error {
  if (!(error instanceof Error)) return new Error(String(error));
  const errno = error instanceof SageError ? undefined : errnoOf(error);
  if (errno === undefined) return error;
  const fault = faults[errno] ?? {
    code: 'disk/error',
    says: error.message,
    remedy: 'Check the path and the disk, then try again.',
  };
  const message = `Could not ${doing}: ${fault.says} (${file}, ${errno}).`;
  return new SageError(fault.code, message, fault.remedy, { place: { file }, cause: error });
}

/** Makes the entries of a folder (a rename, a new file) survive a loss of power. */
export async function syncFolder(folder: string): Promise<void> {
  // Windows cannot open a folder; there the file system orders its own metadata.
  if (process.platform === 'win32') return;
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } catch (error) {
    // Some network and FUSE file systems refuse to sync a folder; nothing better can be done there.
    if (!['EINVAL', 'ENOTSUP', 'EBADF'].includes(errnoOf(error) ?? '')) throw error;
  } finally {
    await handle.close();
  }
}

/** A name beside `file` that no other process uses, for content that is renamed into place once it is whole. */
export function temporaryName(file: string): string {
  return `${file}.tmp-${process.pid}-${randomBytes(6).toString('hex')}`;
}

/** Makes a folder and those above it, as far as they are missing. */
export async function makeFolder(folder: string): Promise<void> {
  try {
    await mkdir(folder, { recursive: true });
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw error;
    // Node says ENOENT where the disk is read-only; the plain call, made where it can be, says what is wrong.
    let missing = folder;
    while (!(await lstat(dirname(missing)).catch(() => null))) missing = dirname(missing);
    await mkdir(missing);
    throw error;
  }
}

/** Removes what killed processes left of `temporaryName` in a folder. Only who alone writes there may. */
export async function cleanTemporaries(folder: string): Promise<void> {
  const names = (await readdir(folder)).filter((name) => /\.tmp-\d+-[0-9a-f]{12}$/.test(name));
  for (const name of names) await rm(join(folder, name), { force: true });
}

/**
 * Replaces `file` so that a reader, or a crash at any moment, sees the old content or the new, never a part.
 * @param parts written one after the other
 * @param options.doing what the caller is doing, for the error's sentence
 * @throws SageError for a failed system call; the old content is then intact and no temporary file is left
 */
export async function writeFileAtomic(
  file: string,
  parts: string | Uint8Array | Iterable<Uint8Array>,
  options: { mode?: number; doing?: string } = {},
): Promise<void> {
  const temporary = temporaryName(file);
  const pieces = typeof parts === 'string' || parts instanceof Uint8Array ? [parts] : parts;
  try {
    const handle = await open(temporary, 'wx', options.mode ?? 0o644);
    try {
      for (const piece of pieces) await handle.writeFile(piece);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(temporary, file);
    await syncFolder(dirname(file));
  } catch (error) {
    // What failed first is what to tell; where the folder is none, removing fails too.
    await rm(temporary, { force: true }).catch(() => undefined);
    throw diskError(error, file, options.doing ?? 'write the file');
  }
}
