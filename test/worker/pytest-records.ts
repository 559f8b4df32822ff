import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { workerFolder } from '../../engine/python.ts';

/** How one test of pytest ended; `text` is the failure, or why it was left out. */
export interface PytestRecord {
  id: string;
  state: 'passed' | 'failed' | 'skipped';
  text: string;
}

export const pythonTests = path.join(import.meta.dirname, 'python');

/** A hung process is ended after this many milliseconds; the test that it hung in has failed. */
const longest = 45 * 60_000;

/**
 * Runs pytest on files or folders, in one process.
 * @returns a record of each test, with one more that failed where the process ended before pytest was done
 */
export async function runPytest(python: string, targets: readonly string[]): Promise<PytestRecord[]> {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'sage-pytest-'));
  try {
    const file = path.join(folder, 'records.jsonl');
    const argv = ['-m', 'pytest', '-c', path.join(workerFolder(), 'pyproject.toml'), '--rootdir', pythonTests];
    const options = [
      '-p',
      'records',
      '--no-header',
      '--quiet',
      '--continue-on-collection-errors',
      '--basetemp',
      path.join(folder, 'tmp'),
    ];
    const { code, output } = await run(python, [...argv, ...options, ...targets], {
      SAGE_TEST_RECORDS: file,
      PYTHONPATH: [pythonTests, workerFolder()].join(path.delimiter),
      PYTHONFAULTHANDLER: '1',
    });
    const lines = (await readFile(file, 'utf8').catch(() => '')).split('\n').filter(Boolean);
    const entries = lines.map((line) => JSON.parse(line) as PytestRecord | { started: string });
    const records = entries.filter((entry) => 'id' in entry);
    // 0: all passed, 1: some failed, 2: some could not be collected (and said so).
    const orderly = code === 0 || (code !== null && code <= 2 && records.some(({ state }) => state === 'failed'));
    if (orderly) return records;
    // pytest's own word for "nothing to run": all files were left out.
    if (code === 5 && records.length > 0) return records;
    const ended = new Set(records.map(({ id }) => id));
    const open = entries.find((entry) => 'started' in entry && !ended.has(entry.started));
    const id = open && 'started' in open ? open.started : 'pytest';
    return [...records, { id, state: 'failed', text: `pytest ended with ${code ?? 'a signal'}.\n${output}` }];
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Runs a program to its end; `output` is the end of what it said on both streams. */
export async function run(
  command: string,
  argv: readonly string[],
  env: Record<string, string> = {},
): Promise<{ code: number | null; output: string }> {
  const child = spawn(command, argv, {
    cwd: workerFolder(),
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => (output = (output + chunk.toString()).slice(-20_000)));
  const timer = setTimeout(() => child.kill('SIGKILL'), longest);
  try {
    const code = await new Promise<number | null>((resolve, reject) => {
      child.on('error', reject);
      child.on('close', resolve);
    });
    return { code, output };
  } finally {
    clearTimeout(timer);
  }
}
