/** Makes `.venv` with what `engine/worker` needs to train, to make the embedded model, and to be checked. */
import { SageError } from '../../errors.ts';
import { makeEnvironment } from '../../python/environment.ts';
import { findPython, venvFolder, workerPins, workerRequirements } from '../../python.ts';

const extras = ['make', 'train', 'test'] as const;
const say = (line: string) => void process.stderr.write(`${line}\n`);

const found = await findPython(Object.keys(workerPins(extras)));
if (found.python) {
  say(`Python is ready: ${found.python} (${JSON.stringify(found.versions)})`);
} else {
  const folder = venvFolder();
  say(`making ${folder} (PyTorch is large; this takes two minutes or more)`);
  try {
    // Tests need no GPU.
    const wish = { folder, requirements: workerRequirements(extras), python: null, cpu: true, room: 3 * 2 ** 30 };
    await makeEnvironment({ ...wish, say });
  } catch (error) {
    if (!(error instanceof SageError)) throw error;
    say(`error: ${error.message}\n  → ${error.remedy}\n  → Or name a Python that has the packages in SAGE_PYTHON.`);
    process.exitCode = 1;
  }
}
