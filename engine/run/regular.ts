import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { SageError } from '../errors.ts';

// Without O_NONBLOCK, opening a pipe that lies in the file's place would wait for ever.
const reading = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0);

function notAFile(file: string): SageError {
  const remedy = 'A folder, a pipe or a device is in its place; remove it.';
  return new SageError('file/not-a-file', `${file} is not a file.`, remedy, { place: { file } });
}

/**
 * Opens a file of a run to be read. Anyone may have made the folder: what is no regular file is refused, since reading it
 * might wait, or never end.
 * @throws SageError `file/not-a-file`, or the error of the system call
 */
export async function openRegular(file: string): Promise<FileHandle> {
  const handle = await open(file, reading);
  const isFile = await handle.stat().then(
    (found) => found.isFile(),
    () => false,
  );
  if (isFile) return handle;
  await handle.close();
  throw notAFile(file);
}

/** As `openRegular`, without giving way to others. */
export function openRegularSync(file: string): number {
  const fd = openSync(file, reading);
  if (fstatSync(fd).isFile()) return fd;
  closeSync(fd);
  throw notAFile(file);
}

/** The first bytes of a file of a run, as text; all of it where it has no more than `most`. Errors as `openRegular`. */
export async function readStart(file: string, most: number): Promise<string> {
  const handle = await openRegular(file);
  try {
    const buffer = Buffer.allocUnsafe(Math.min(most, (await handle.stat()).size));
    let done = 0;
    for (let bytesRead = -1; bytesRead !== 0 && done < buffer.length; done += bytesRead)
      ({ bytesRead } = await handle.read(buffer, done, buffer.length - done, done));
    return buffer.toString('utf8', 0, done);
  } finally {
    await handle.close();
  }
}

/** As `readStart`, several times faster for a file of a local disk, and this process waits meanwhile. */
export function readStartSync(file: string, most: number): string {
  const fd = openRegularSync(file);
  try {
    const buffer = Buffer.allocUnsafe(Math.min(most, fstatSync(fd).size));
    let done = 0;
    for (let bytesRead = -1; bytesRead !== 0 && done < buffer.length; done += bytesRead)
      bytesRead = readSync(fd, buffer, done, buffer.length - done, done);
    return buffer.toString('utf8', 0, done);
  } finally {
    closeSync(fd);
  }
}
