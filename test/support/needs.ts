import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmdirSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { beforeEach } from 'vitest';

/** Leaves out the tests of the surrounding suite unless the machine has what they need; the runner prints the reason. */
export function needs(available: boolean, reason: string): void {
  beforeEach((context) => {
    if (!available) context.skip(reason);
  });
}

/** Path of a Chromium, if this machine has one. */
export const chromium = ['/usr/bin/chromium', '/usr/bin/google-chrome', process.env['CHROMIUM_EXECUTABLE'] ?? ''].find(
  (file) => file !== '' && existsSync(file),
);
export const needsChromium = 'needs Chromium (apt-get install chromium, or CHROMIUM_EXECUTABLE)';

/** Whether a small file system can be mounted, to have a full or a read-only disk. */
export const canMount = tryMount();
export const needsMount = 'needs to mount a small tmpfs (root on Linux)';

function tryMount(): boolean {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return false;
  const folder = mkdtempSync(path.join(os.tmpdir(), 'sage-mount-'));
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', folder], { stdio: 'ignore' });
    execFileSync('umount', [folder], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  } finally {
    rmdirSync(folder);
  }
}
