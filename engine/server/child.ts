import { spawn, type ChildProcess } from 'node:child_process';
import { SageError } from '../errors.ts';
import type { Program } from './launch.ts';

const maximumOutput = 32 << 20;

/** Runs other commands of sage-grpo, so that what they need does not weigh on the server. */
export interface Commands {
  /**
   * Runs one to its end and returns what it printed.
   * @param accept exit codes that are no failure
   * @throws SageError `command/failed` with what it said
   */
  run(argv: readonly string[], accept?: readonly number[]): Promise<string>;
  /** Ends those that run. */
  close(): void;
}

export function createCommands(program: Program): Commands {
  const children = new Set<ChildProcess>();

  function run(argv: readonly string[], accept: readonly number[] = [0]): Promise<string> {
    return new Promise((resolve, reject) => {
      const child = spawn(program.command, [...program.argv, ...argv], {
        stdio: ['ignore', 'pipe', 'pipe'],
        windowsHide: true,
      });
      children.add(child);
      const printed = { stdout: '', stderr: '' };
      for (const stream of ['stdout', 'stderr'] as const) {
        child[stream].setEncoding('utf8').on('data', (chunk: string) => {
          printed[stream] += chunk;
          if (printed[stream].length > maximumOutput) child.kill('SIGKILL');
        });
      }
      child.once('error', reject);
      child.once('close', (code, signal) => {
        children.delete(child);
        if (code !== null && accept.includes(code)) return resolve(printed.stdout);
        const said = printed.stderr.trim().slice(-4000) || `it ended with ${signal ?? `exit code ${code}`}`;
        reject(new SageError('command/failed', `sage-grpo ${argv[0]} failed: ${said}`, ''));
      });
    });
  }
  return { run, close: () => children.forEach((child) => child.kill('SIGKILL')) };
}
