/** Makes a run in a folder of its own, and tries to in the same one when it may not write there. Never as root, who may. */
import { chmodSync, chownSync } from 'node:fs';
import { SageError } from '../../../../engine/errors.ts';
import { createRun } from '../../../../engine/run/folder.ts';
import { config, provenance } from '../sample-run.ts';

const nobody = 65_534;
const folder = process.argv[2];

async function make(): Promise<string> {
  try {
    await createRun(folder, 'shapes', '', config, provenance);
    return 'made';
  } catch (error) {
    if (!(error instanceof SageError)) throw error;
    return error.code;
  }
}

/** Whether this process is denied what its user may not do. */
function isDeniable(): boolean {
  if (process.getuid?.() !== 0) return true;
  try {
    chownSync(folder, nobody, nobody);
    process.setgroups!([]);
    process.setgid!(nobody);
    process.setuid!(nobody);
    return true;
  } catch {
    return false;
  }
}

/** Made where it may, and where it may not. */
async function outcomes(): Promise<string> {
  const allowed = await make();
  chmodSync(folder, 0o500);
  return `${allowed}, then ${await make()}`;
}

console.log(isDeniable() ? await outcomes() : 'still root');
// Until it is killed.
process.stdin.resume();
