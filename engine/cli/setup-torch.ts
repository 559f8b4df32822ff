import path from 'node:path';
import { exitCodes } from '../errors.ts';
import { makeEnvironment } from '../python/environment.ts';
import { isClone, userVenvFolder, venvFolder, workerRequirements } from '../python.ts';
import { remedyText, table } from './output.ts';
import { torchFindings } from './doctor-torch.ts';

/** Bytes that PyTorch and its companions take, with what is unpacked on the way. */
const room = { cpu: 3 * 2 ** 30, cuda: 12 * 2 ** 30 };

/** Where the environment is made that `findPython` finds by itself. */
export function usualFolder(): string {
  return isClone() ? venvFolder() : userVenvFolder();
}

/**
 * Makes the virtual environment of the torch policy, or completes it; running it again after any failure goes on.
 * @returns exit code 1 when what was installed does not work
 * @throws SageError with the exact reason when it cannot be made
 */
export async function setupTorchCommand(options: { cpu: boolean; folder?: string; python?: string }): Promise<number> {
  const say = (line: string) => void process.stderr.write(`${line}\n`);
  const folder = path.resolve(options.folder ?? usualFolder());
  if (process.platform === 'win32' && !options.cpu)
    say('PyPI has no PyTorch for CUDA on Windows: use WSL to train on a GPU of this machine.');
  const python = await makeEnvironment({
    folder,
    requirements: workerRequirements(['train']),
    python: options.python ?? null,
    cpu: options.cpu,
    room: options.cpu ? room.cpu : room.cuda,
    say,
  });
  say('looking whether it works');
  const findings = await torchFindings(null, python);
  const rows = findings.map(({ check, state, detail }) => [state, check, detail]);
  process.stdout.write(`${table(['', 'check', ''], rows)}\n`);
  for (const finding of findings)
    if (finding.state !== 'ok' && finding.remedy) process.stdout.write(remedyText(finding));
  const found = process.env.SAGE_PYTHON;
  if (found && path.resolve(found) !== python) {
    process.stdout.write(`\nSAGE_PYTHON names ${found}, which comes first: unset it, or set it to ${python}\n`);
  } else if (folder !== usualFolder() && !found) {
    process.stdout.write(`\nTo use it, set SAGE_PYTHON=${python} (in VS Code: the setting sage.pythonPath)\n`);
  }
  const works = findings.some(({ check, state }) => check === 'PyTorch' && state === 'ok');
  return works ? exitCodes.done : exitCodes.failed;
}
