import { spawn } from 'node:child_process';
import { existsSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { mkdir, statfs } from 'node:fs/promises';
import path from 'node:path';
import { SageError } from '../errors.ts';
import { venvPython } from '../python.ts';
import { pipFault, venvFault, type Attempt } from './faults.ts';

export interface EnvironmentWish {
  /** Folder of the virtual environment; made, repaired or added to. */
  folder: string;
  /** With exact versions, as pip takes them. */
  requirements: readonly string[];
  /** The interpreter to make it from; null: the first on the path that is new enough. */
  python: string | null;
  /** PyTorch for the CPU alone, which is a tenth of the size. */
  cpu: boolean;
  /** Bytes that the disk must have free before a new environment is begun. */
  room: number;
  /** Told what happens, a line at a time. */
  say: (line: string) => void;
}

const oldest = [3, 11];
const cpuIndex = 'https://download.pytorch.org/whl/cpu';

/**
 * Makes a virtual environment with the packages, or completes one. Whatever ended an earlier attempt, another call goes
 * on from there; an environment of the user's own keeps what it has.
 * @returns its interpreter
 * @throws SageError with the exact reason
 */
export async function makeEnvironment(wish: EnvironmentWish): Promise<string> {
  const folder = path.resolve(wish.folder);
  const release = await claim(folder, wish.room);
  try {
    const python = await interpreter(folder, wish, release.interrupted);
    const { version, packages } = (await probe(python))!;
    const attempt = { folder, version };
    dropHalfInstalled(packages);
    await installTorch(python, wish, attempt);
    await pip(python, wish.requirements, wish.say, attempt);
    release.done();
    return python;
  } finally {
    release.leave();
  }
}

interface Claim {
  /** An earlier attempt on this folder did not come to its end. */
  interrupted: boolean;
  done(): void;
  /** Lets others try; what was begun stays marked unless `done`. */
  leave(): void;
}

/** A file beside the folder says that it is being made and by whom; it stays where the making was cut short. */
async function claim(folder: string, room: number): Promise<Claim> {
  if (existsSync(folder) && !statSync(folder).isDirectory()) throw foreign(folder, 'is a file');
  const isVenv = existsSync(path.join(folder, 'pyvenv.cfg'));
  const mark = `${folder}.making`;
  const before = existsSync(mark) ? Number(readFileSync(mark, 'utf8')) : null;
  if (before && before !== process.pid && isAlive(before)) {
    throw new SageError(
      'python/busy',
      `Process ${before} is making ${folder} at this moment.`,
      `Wait until it has ended. If there is no such set-up, delete ${mark}.`,
      { place: { file: folder } },
    );
  }
  if (!isVenv && before === null && existsSync(folder) && readdirSync(folder).length > 0)
    throw foreign(folder, 'holds other files');
  try {
    await mkdir(path.dirname(folder), { recursive: true });
    if (!isVenv) await checkRoom(path.dirname(folder), room);
    writeFileSync(mark, String(process.pid));
  } catch (error) {
    if (error instanceof SageError) throw error;
    throw venvFault({
      folder,
      version: '',
      output: `${(error as Error).message} (${(error as { code?: string }).code})`,
    });
  }
  return {
    interrupted: before !== null,
    done: () => rmSync(mark, { force: true }),
    leave() {
      // Nobody at work any more, but not done. A full disk keeps the mark as it is, or empty, which says the same.
      try {
        if (existsSync(mark)) writeFileSync(mark, '0');
      } catch {
        return;
      }
    },
  };
}

function foreign(folder: string, what: string): SageError {
  return new SageError(
    'python/not-an-environment',
    `${folder} ${what}, so no virtual environment is made there.`,
    'Choose a folder that is empty or does not exist yet with --folder.',
    { place: { file: folder } },
  );
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

async function checkRoom(folder: string, room: number): Promise<void> {
  const { bavail, bsize } = await statfs(folder);
  if (bavail * bsize >= room) return;
  const gib = (bytes: number) => (bytes / 2 ** 30).toFixed(1);
  throw new SageError(
    'disk/full',
    `${folder} has ${gib(bavail * bsize)} GiB free; the packages take about ${gib(room)} GiB.`,
    'Free some space, or choose a folder on another disk with --folder.',
    { place: { file: folder } },
  );
}

interface Probe {
  version: string;
  /** Where packages are installed. */
  packages: string;
  /** Version of pip, if it has a working one. */
  pip: string | null;
}

const probeProgram = `
import json, platform, sysconfig
try:
    import pip._internal.cli.main
    version = pip.__version__
except Exception:
    version = None
print(json.dumps({"version": platform.python_version(), "packages": sysconfig.get_paths()["purelib"], "pip": version}))
`;

/** What an interpreter is; null where it cannot be run. */
async function probe(python: string): Promise<Probe | null> {
  const { status, output } = await call(python, ['-I', '-c', probeProgram]);
  try {
    return status === 0 ? (JSON.parse(output.trim().split('\n').at(-1)!) as Probe) : null;
  } catch {
    return null;
  }
}

/** The environment's interpreter, with pip; made where it is missing, made anew where making it was cut short. */
async function interpreter(folder: string, wish: EnvironmentWish, interrupted: boolean): Promise<string> {
  const inside = venvPython(folder);
  const there = existsSync(inside) ? await probe(inside) : null;
  if (there?.pip) {
    checkVersion(inside, there.version);
    wish.say(`${folder} is there, with Python ${there.version}`);
    return inside;
  }
  const { python, version } = await basePython(wish.python);
  wish.say(`making ${folder} with Python ${version} (${python})`);
  // An own environment without pip is given it; only what we had begun ourselves is cleared away.
  const argv = ['-m', 'venv', ...(interrupted ? ['--clear'] : []), folder];
  const { status, output } = await call(python, argv);
  if (status !== 0) {
    // venv keeps to itself what its last step, the installation of pip, died of.
    const last = existsSync(inside) ? await call(inside, ['-m', 'ensurepip', '--default-pip']) : { output };
    throw venvFault({ folder, version, output: `${output}\n${last.output}` });
  }
  if (!(await probe(inside))?.pip) throw venvFault({ folder, version, output: `${inside} has no working pip` });
  return inside;
}

/** The Python that a new environment is made from. */
async function basePython(named: string | null): Promise<{ python: string; version: string }> {
  const usual = process.platform === 'win32' ? ['python', 'py'] : ['python3', 'python3.13', 'python3.12', 'python3.11'];
  const tried: string[] = [];
  for (const python of named === null ? usual : [named]) {
    const found = await probe(python);
    if (!found) tried.push(`${python} cannot be run`);
    else if (newEnough(found.version)) return { python, version: found.version };
    else tried.push(`${python} is ${found.version}`);
  }
  throw new SageError(
    'python/missing',
    `No Python ${oldest.join('.')} or later was found: ${tried.join(', ')}.`,
    process.platform === 'linux'
      ? 'Install one (`sudo apt install python3 python3-venv` on Debian and Ubuntu), or name it with --python.'
      : 'Install one from python.org, or name it with --python.',
  );
}

function newEnough(version: string): boolean {
  const [major, minor] = version.split('.').map(Number);
  return major > oldest[0] || (major === oldest[0] && minor >= oldest[1]);
}

function checkVersion(python: string, version: string): void {
  if (newEnough(version)) return;
  throw new SageError(
    'python/old',
    `${python} is Python ${version}; PyTorch's companions need ${oldest.join('.')} or later.`,
    'Delete this environment, or choose another folder with --folder; name a newer Python with --python.',
    { place: { file: python } },
  );
}

/** pip writes RECORD last: a package without one was cut short, and pip would take it for whole or refuse to mend it. */
function dropHalfInstalled(packages: string): void {
  for (const name of existsSync(packages) ? readdirSync(packages) : []) {
    const info = path.join(packages, name);
    if (name.endsWith('.dist-info') && !existsSync(path.join(info, 'RECORD'))) rmSync(info, { recursive: true });
  }
}

/** Where the build matters: PyPI's PyTorch for Linux is the one for CUDA. */
async function installTorch(
  python: string,
  { cpu, requirements, say }: EnvironmentWish,
  attempt: Omit<Attempt, 'output'>,
) {
  const torch = requirements.find((requirement) => requirement.startsWith('torch=='));
  if (!torch) return;
  const ask = ['-c', 'import importlib.metadata as m; print(m.version("torch"))'];
  const installed = (await call(python, ask)).output.trim();
  const right = installed.split('+')[0] === torch.split('==')[1];
  if (!cpu && right && installed.endsWith('+cpu')) {
    say('replacing the PyTorch for the CPU');
    await pip(python, ['--force-reinstall', '--no-deps', torch], say, attempt);
  }
  if (!cpu || right) return;
  say(`installing PyTorch ${torch.split('==')[1]} for the CPU`);
  // A wheel in a folder that pip was told of (find-links) needs no network.
  const onDisk = await call(python, ['-m', 'pip', 'install', '--no-index', '--no-deps', torch]);
  if (onDisk.status === 0) return;
  say(`fetching it from ${cpuIndex}`);
  await pip(python, ['--index-url', cpuIndex, '--no-deps', torch], say, attempt);
}

async function pip(
  python: string,
  wanted: readonly string[],
  say: (line: string) => void,
  attempt: Omit<Attempt, 'output'>,
): Promise<void> {
  const argv = ['-m', 'pip', 'install', '--progress-bar', 'off', '--no-input', ...wanted];
  const { status, output } = await call(python, argv, (line) => {
    if (/^\s*(Collecting|Downloading|Installing|Building|Successfully)/.test(line)) say(line.trim().slice(0, 160));
  });
  if (status !== 0) throw pipFault({ ...attempt, output });
}

/** Runs a program to its end, without a shell. `status` is null where it could not be started or was killed. */
async function call(
  command: string,
  argv: readonly string[],
  heard: (line: string) => void = () => {},
): Promise<{ status: number | null; output: string }> {
  const env = { ...process.env, PIP_DISABLE_PIP_VERSION_CHECK: '1', PIP_USER: '0', PYTHONUNBUFFERED: '1' };
  const child = spawn(command, argv, { stdio: ['ignore', 'pipe', 'pipe'], env });
  let output = '';
  let line = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
      const lines = (line + text).split('\n');
      line = lines.pop()!;
      lines.forEach(heard);
    });
  }
  return new Promise((resolve) => {
    child.on('error', (error) => resolve({ status: null, output: error.message }));
    child.on('close', (status) => resolve({ status, output }));
  });
}
