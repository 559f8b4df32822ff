import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { packageRoot } from './package-root.ts';

const run = promisify(execFile);

/** Folder of the Python package `sage_worker`'s project. */
export function workerFolder(): string {
  return path.join(packageRoot(), 'engine', 'worker');
}

/** Folder of what is worth keeping between runs: encoded prompts. `SAGE_CACHE` names another. */
export function cacheFolder(): string {
  return path.resolve(process.env.SAGE_CACHE ?? path.join(os.homedir(), '.cache', 'sage-studio'));
}

/** Groups of packages in the worker's pyproject.toml: to train, to make the embedded model, to check the worker. */
export type Extra = 'train' | 'make' | 'test';

/** The worker's requirements with exact versions, e.g. `torch==2.13.0`: the base ones and those of some extras. */
export function workerRequirements(extras: readonly Extra[]): string[] {
  const project = readFileSync(path.join(workerFolder(), 'pyproject.toml'), 'utf8');
  return ['dependencies', ...extras].flatMap((name) => {
    const list = new RegExp(`^${name} = \\[\n([^\\]]*)\\]`, 'm').exec(project);
    if (!list) throw new Error(`${workerFolder()}/pyproject.toml has no list "${name}"`);
    return [...list[1].matchAll(/"([^"]+)"/g)].map(([, requirement]) => requirement);
  });
}

/** Packages of the worker and the version that each is pinned to, e.g. `{ torch: '2.13.0' }`. */
export function workerPins(extras: readonly Extra[]): Record<string, string> {
  return Object.fromEntries(workerRequirements(extras).map((requirement) => requirement.split('==')));
}

/** Folder of a clone's virtual environment, which `setup-python` and `setup-torch` make. */
export function venvFolder(): string {
  return path.join(packageRoot(), '.venv');
}

/** Folder of the user's virtual environment, for an installed package: that one is replaced by each update. */
export function userVenvFolder(): string {
  const { LOCALAPPDATA, XDG_DATA_HOME } = process.env;
  const home = os.homedir();
  const data =
    process.platform === 'win32'
      ? LOCALAPPDATA || path.join(home, 'AppData', 'Local')
      : process.platform === 'darwin'
        ? path.join(home, 'Library', 'Application Support')
        : XDG_DATA_HOME || path.join(home, '.local', 'share');
  return path.join(data, 'sage-studio', 'venv');
}

/** Whether this is a clone of the repository rather than an installed package. */
export function isClone(): boolean {
  return existsSync(path.join(packageRoot(), 'bootstrap.mjs'));
}

/** The interpreter inside a virtual environment. */
export function venvPython(folder: string): string {
  return process.platform === 'win32' ? path.join(folder, 'Scripts', 'python.exe') : path.join(folder, 'bin', 'python');
}

/** What was found of a Python that has the wanted modules. */
export type PythonSearch =
  | { python: string; versions: Record<string, string> }
  | { python: null; /** Why each candidate was passed over. */ tried: PassedOver[] };

/** A Python that cannot be used. */
export interface PassedOver {
  python: string;
  reason: string;
}

/** That the one Python that was named is no program, and what to do; null where the search failed otherwise. */
export function namedInVain(tried: readonly PassedOver[]): { fault: string; remedy: string } | null {
  const named = process.env.SAGE_PYTHON;
  const found = tried.find(({ reason }) => reason === noProgram || reason === notRun);
  if (!named || !found) return null;
  return {
    fault: `SAGE_PYTHON (in VS Code: the setting sage.pythonPath) names ${named}: ${found.reason}`,
    remedy: 'Correct it, or leave it empty: then the environment that was set up for PyTorch is taken, or python3.',
  };
}

const noProgram = 'there is no such program';
const notRun = 'it is no program that may be run';

/**
 * Looks for a Python with all of the modules: `SAGE_PYTHON` alone where it is set, else the clone's `.venv`, the user's
 * environment, then `python3` on the path.
 * @param modules import names, e.g. `torch`
 */
export async function findPython(modules: readonly string[]): Promise<PythonSearch> {
  const made = [venvPython(venvFolder()), venvPython(userVenvFolder())].filter((python) => existsSync(python));
  const named = process.env.SAGE_PYTHON;
  const candidates = named ? [named] : [...made, process.platform === 'win32' ? 'python' : 'python3'];
  const tried: PassedOver[] = [];
  for (const python of candidates) {
    try {
      return { python, versions: await moduleVersions(python, modules) };
    } catch (error) {
      tried.push({ python, reason: whyNot(error) });
    }
  }
  return { python: null, tried };
}

/** Versions of the modules in one Python. Looks at the installed packages' metadata, which takes no import of torch. */
export async function moduleVersions(python: string, modules: readonly string[]): Promise<Record<string, string>> {
  const program = [
    'import importlib.metadata as m, json, platform, sys',
    'print(json.dumps({"python": platform.python_version(), **{n: m.version(n) for n in sys.argv[1:]}}))',
  ].join('\n');
  const { stdout } = await run(python, ['-c', program, ...modules], { timeout: 60_000 });
  return JSON.parse(stdout) as Record<string, string>;
}

function whyNot(error: unknown): string {
  const { code } = error as { code?: unknown };
  if (code === 'ENOENT') return noProgram;
  if (code === 'EACCES') return notRun;
  return lastLine(error);
}

function lastLine(error: unknown): string {
  const { stderr, message } = error as { stderr?: string; message: string };
  return (stderr?.trim() || message).split('\n').at(-1) ?? 'unknown';
}
