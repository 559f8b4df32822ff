import { spawn, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { closeSync, mkdtempSync, openSync, readFileSync, rmdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { readdir, rm, stat } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { exitCodes, SageError } from '../errors.ts';
import { diskError, makeFolder } from '../run/disk.ts';
import { runPaths } from '../run/folder.ts';
import { launchLogVariable, launchReport } from './launch-report.ts';
import { ReportedProblem } from './problem.ts';

/** How sage-grpo is started on this machine: an executable and the arguments before its own. */
export interface Program {
  command: string;
  argv: string[];
}

/** A trainer that trains. */
export interface Started {
  run: string;
  folder: string;
  pid: number;
}

interface LaunchOptions {
  argv: string[];
  /** File that takes what the trainer prints. */
  logFile: string;
  cwd: string;
  /** Text for its standard input. */
  input?: string;
  /** Ends the launch while it has not begun to train. */
  signal?: AbortSignal;
}

/** A file descriptor that reads `text`, of a file that has no name any more where the system allows that. */
function openText(text: string): number {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'sage-launch-'));
  try {
    const file = path.join(folder, 'config');
    writeFileSync(file, text, { mode: 0o600 });
    return openSync(file, 'r');
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Starts it in a session of its own, so that nothing that ends this process ends it. */
function spawnDetached(program: Program, { argv, logFile, cwd, input }: LaunchOptions): ChildProcess {
  const log = openSync(logFile, 'a', 0o644);
  let stdin: number | null = null;
  try {
    stdin = input === undefined ? null : openText(input);
    const child = spawn(program.command, [...program.argv, ...argv], {
      cwd,
      detached: true,
      windowsHide: true,
      stdio: [stdin ?? 'ignore', log, log, 'ipc'],
      env: { ...process.env, [launchLogVariable]: logFile },
    });
    child.unref();
    child.channel?.unref();
    return child;
  } finally {
    closeSync(log);
    if (stdin !== null) closeSync(stdin);
  }
}

function kill(child: ChildProcess): void {
  try {
    if (child.pid !== undefined) process.kill(process.platform === 'win32' ? child.pid : -child.pid, 'SIGKILL');
  } catch {
    // It is gone.
  }
}

function tailOf(file: string, lines = 12): string {
  try {
    return readFileSync(file, 'utf8').slice(-10_000).trimEnd().split('\n').slice(-lines).join('\n');
  } catch {
    return '';
  }
}

function died(child: ChildProcess, logFile: string): SageError {
  const how = child.signalCode ?? `exit code ${child.exitCode}`;
  const printed = tailOf(logFile);
  return new SageError(
    'trainer/died',
    `The trainer ended before training began (${how})${printed === '' ? '.' : `. It printed:\n${printed}`}`,
    'Have the doctor say what this machine lacks.',
    { advice: [{ action: 'doctor' }] },
  );
}

/** Waits for the trainer's one message. */
function awaitReport(child: ChildProcess, { logFile, signal }: LaunchOptions): Promise<Started> {
  return new Promise((resolve, reject) => {
    const abort = () => {
      kill(child);
      reject(new SageError('launch/cancelled', 'The launch was cancelled.', ''));
    };
    child.once('error', (cause) => {
      const remedy = 'Check the path of Node in the settings.';
      reject(
        new SageError('trainer/not-started', `The trainer cannot be started: ${cause.message}.`, remedy, { cause }),
      );
    });
    // After `close` no message can come any more.
    child.once('close', () => reject(died(child, logFile)));
    child.on('message', (message) => {
      signal?.removeEventListener('abort', abort);
      const report = launchReport.safeParse(message);
      if (!report.success) return reject(new Error(`a launched trainer sent ${JSON.stringify(message)}`));
      if (report.data.kind === 'failed') return reject(new ReportedProblem(report.data.problem));
      const { folder, pid } = report.data;
      resolve({ run: path.basename(folder), folder, pid });
    });
    if (signal?.aborted) abort();
    else signal?.addEventListener('abort', abort, { once: true });
  });
}

/** The nearest folder at or above a path that exists. */
function existingFolder(folder: string): string {
  const found = statSync(folder, { throwIfNoEntry: false })?.isDirectory();
  const parent = path.dirname(folder);
  return found || parent === folder ? folder : existingFolder(parent);
}

export interface LaunchRequest {
  /** Absolute path of the config. */
  file: string;
  text?: string;
  overrides: readonly string[];
}

/** Arguments of `sage-grpo` that a launch runs. */
export function trainArguments(runsDir: string, { file, text, overrides }: LaunchRequest): string[] {
  const sets = overrides.flatMap((override) => ['--set', override]);
  return ['train', file, '--runs', runsDir, ...sets, ...(text === undefined ? [] : ['--stdin'])];
}

/**
 * Launches a trainer that outlives this process; resolves when it trains. What it prints goes beside the run folders
 * until it has one, then into its engine.log. A launch that fails leaves nothing behind.
 * @throws SageError with the trainer's own code, place and remedy; `trainer/died` with what it printed last
 */
export async function launchTrainer(
  program: Program,
  runsDir: string,
  request: LaunchRequest,
  signal?: AbortSignal,
): Promise<Started> {
  const made = !statSync(runsDir, { throwIfNoEntry: false });
  const logFile = path.join(runsDir, `.launch-${randomBytes(8).toString('hex')}.log`);
  const argv = trainArguments(runsDir, request);
  const cwd = existingFolder(path.dirname(request.file));
  try {
    await makeFolder(runsDir);
    const options = { argv, logFile, cwd, input: request.text, signal };
    return await awaitReport(spawnDetached(program, options), options);
  } catch (error) {
    await rm(logFile, { force: true }).catch(() => undefined);
    if (made) removeIfEmpty(runsDir);
    throw diskError(error, runsDir, 'create the run folder');
  }
}

function removeIfEmpty(folder: string): void {
  try {
    rmdirSync(folder);
  } catch {
    // Something else was put there meanwhile.
  }
}

/** Launches a trainer that continues a run; as `launchTrainer`. */
export async function launchResume(
  program: Program,
  runFolder: string,
  { from, overrides }: { from?: number; overrides: readonly string[] },
  signal?: AbortSignal,
): Promise<Started> {
  const sets = overrides.flatMap((override) => ['--set', override]);
  const argv = ['resume', runFolder, ...(from === undefined ? [] : ['--from', String(from)]), ...sets];
  const options = { argv, logFile: runPaths(runFolder).log, cwd: runFolder, signal };
  try {
    return await awaitReport(spawnDetached(program, options), options);
  } catch (error) {
    throw diskError(error, runFolder, 'resume the run');
  }
}

/** Removes the output of launches whose engine was killed before it could. */
export async function sweepLaunchLogs(runsDir: string): Promise<void> {
  const names = await readdir(runsDir).catch(() => []);
  for (const name of names.filter((each) => /^\.launch-[0-9a-f]{16}\.log$/.test(each))) {
    const file = path.join(runsDir, name);
    const found = await stat(file).catch(() => null);
    if (found && Date.now() - found.mtimeMs > 24 * 3600_000) await rm(file, { force: true });
  }
}

/** @throws SageError for a config that is given by a path which leads nowhere from here */
export function requireAbsolute(file: string): void {
  if (path.isAbsolute(file)) return;
  throw new SageError('path/relative', `${file} is not an absolute path.`, 'Give the whole path of the config.', {
    place: { file },
    exitCode: exitCodes.usage,
  });
}
