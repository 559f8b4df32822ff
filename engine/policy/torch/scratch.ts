import { lstat, mkdtemp, readdir, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { lockState, takeLock } from '../../run/lock.ts';

const prefix = 'sage-worker-';

/**
 * Makes a folder for the files that cross from a worker, locked by this process, and clears those of trainers that died
 * before they could.
 */
export async function makeScratch(parent = os.tmpdir()): Promise<string> {
  await clearAbandoned(parent);
  const folder = await mkdtemp(path.join(parent, prefix));
  // Without its lock it is only one that nobody dares to clear.
  await takeLock(folder).catch(() => undefined);
  return folder;
}

async function clearAbandoned(parent: string): Promise<void> {
  const names = await readdir(parent).catch(() => []);
  for (const name of names.filter((each) => each.startsWith(prefix))) {
    const folder = path.join(parent, name);
    // One that is just being made, or removed, or that cannot be read, is left alone.
    if (await isAbandoned(folder).catch(() => false))
      await rm(folder, { recursive: true, force: true }).catch(() => {});
  }
}

/** Whether it is this user's, and its lock that of a process which is certainly gone. */
async function isAbandoned(folder: string): Promise<boolean> {
  const stats = await lstat(folder);
  if (!stats.isDirectory() || stats.uid !== os.userInfo().uid) return false;
  const { record, held } = await lockState(folder);
  return record !== null && !held;
}
