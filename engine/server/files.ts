import { constants } from 'node:fs';
import { open, readdir, realpath, stat, type FileHandle } from 'node:fs/promises';
import path from 'node:path';
import type { ErrorCode } from '../error-code.ts';
import { exitCodes, SageError } from '../errors.ts';
import type { FolderEntry } from '../protocol.ts';
import { limits } from '../protocol.ts';
import { diskError } from '../run/disk.ts';

/** What gives power over a run (the tokens of its lock and its control socket) never leaves the machine. */
const secret = /^(control\.|lock($|\.))/i;

const mimeTypes: Record<string, string> = {
  '.mp4': 'video/mp4',
  '.png': 'image/png',
  '.json': 'application/json',
  '.jsonl': 'application/x-ndjson',
  '.yaml': 'application/yaml',
  '.log': 'text/plain',
  '.html': 'text/html',
};

function refusal(code: ErrorCode, message: string, remedy: string): SageError {
  return new SageError(code, message, remedy, { exitCode: exitCodes.usage });
}

const outside = (relative: string) =>
  refusal(
    'path/outside',
    `${JSON.stringify(relative)} does not lie in the run folder.`,
    'Name a file of the run by its relative path, with / and without `..`.',
  );

/** Whether a path is relative, with `/`, and has no part that leads elsewhere. The disk is not looked at. */
export function isPlainPath(relative: string): boolean {
  if (relative === '') return true;
  if (/[\0\\]/.test(relative) || path.posix.isAbsolute(relative) || path.win32.isAbsolute(relative)) return false;
  return relative.split('/').every((part) => part !== '' && part !== '.' && part !== '..' && !/^[a-z]:/i.test(part));
}

/** @throws SageError `path/outside` for a path that by its words alone leads out of the run folder */
export function requirePlainPath(relative: string): void {
  if (!isPlainPath(relative)) throw outside(relative);
}

/**
 * The real path of something in a run folder, after all links.
 * @throws SageError `path/outside` when it lies elsewhere, `path/private` for what is not shown; a disk error
 */
export async function realPathIn(runFolder: string, relative: string): Promise<string> {
  requirePlainPath(relative);
  let root: string;
  let real: string;
  try {
    root = await realpath(runFolder);
    real = await realpath(path.join(root, relative));
  } catch (error) {
    throw diskError(error, path.join(runFolder, relative), 'read the file');
  }
  if (real !== root && !real.startsWith(root + path.sep)) throw outside(relative);
  if (secret.test(path.relative(root, real)))
    throw refusal('path/private', `${relative} is not shown to anyone.`, 'It only serves the trainer of the run.');
  return real;
}

/** Opens the file at a real path, and makes sure that it is the one that was looked at and no device or pipe. */
async function openReal(real: string, relative: string): Promise<{ handle: FileHandle; size: number }> {
  const seen = await stat(real);
  if (!seen.isFile()) throw refusal('file/not-a-file', `${relative} is not a file.`, 'Name a file of the run.');
  // Without O_NONBLOCK, opening a pipe that took the file's place would wait for ever.
  const handle = await open(real, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0) | (constants.O_NOFOLLOW ?? 0));
  const opened = await handle.stat();
  if (opened.isFile() && opened.ino === seen.ino && opened.dev === seen.dev) return { handle, size: opened.size };
  await handle.close();
  throw outside(relative);
}

/**
 * Reads a part of a file of a run.
 * @param offset byte to begin at; at or after the end there is no data
 * @param length bytes wanted, at most `limits.readBytes`
 * @throws SageError `path/outside`, `path/private`, `file/not-a-file` or a disk error
 */
export async function readRange(
  runFolder: string,
  relative: string,
  offset: number,
  length: number,
): Promise<{ data: string; offset: number; size: number; mimeType: string }> {
  const real = await realPathIn(runFolder, relative);
  try {
    const { handle, size } = await openReal(real, relative);
    try {
      const wanted = Math.max(0, Math.min(length, limits.readBytes, size - offset));
      const buffer = Buffer.alloc(wanted);
      let done = 0;
      while (done < wanted) {
        const { bytesRead } = await handle.read(buffer, done, wanted - done, offset + done);
        if (bytesRead === 0) break; // it became shorter
        done += bytesRead;
      }
      const mimeType = mimeTypes[path.extname(real).toLowerCase()] ?? 'application/octet-stream';
      return { data: buffer.toString('base64', 0, done), offset, size, mimeType };
    } finally {
      await handle.close();
    }
  } catch (error) {
    throw diskError(error, real, 'read the file');
  }
}

/**
 * Files and folders of a folder of a run, by name. Links, what is hidden and what is not shown are left out.
 * @throws SageError `path/outside` or a disk error
 */
export async function listFolder(
  runFolder: string,
  relative: string,
): Promise<{ entries: FolderEntry[]; truncated: boolean }> {
  const real = await realPathIn(runFolder, relative);
  try {
    const found = await readdir(real, { withFileTypes: true });
    const shown = found
      .filter((entry) => (entry.isFile() || entry.isDirectory()) && !entry.name.startsWith('.'))
      .filter((entry) => relative !== '' || !secret.test(entry.name))
      .sort((a, b) => (a.name < b.name ? -1 : 1));
    const entries: FolderEntry[] = [];
    for (const entry of shown.slice(0, limits.folderEntries)) {
      if (entry.isDirectory()) entries.push({ name: entry.name, kind: 'folder', bytes: 0 });
      else {
        const { size } = await stat(path.join(real, entry.name)).catch(() => ({ size: 0 }));
        entries.push({ name: entry.name, kind: 'file', bytes: size });
      }
    }
    return { entries, truncated: shown.length > limits.folderEntries };
  } catch (error) {
    throw diskError(error, real, 'list the folder');
  }
}
