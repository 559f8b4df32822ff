import { spawn } from 'node:child_process';
import { workerFolder } from '../python.ts';
import { lastWords } from './faults.ts';

export interface Question {
  /** Module of `sage_worker` that answers, e.g. `sage_worker.doctor`. */
  module: string;
  /** Given as its one argument, as JSON. */
  request: unknown;
  /** What the line of the answer begins with; libraries print what they like around it. */
  mark: string;
  /** Milliseconds; null: as long as it takes. */
  patience: number | null;
  env?: Record<string, string>;
  /** Told each line of the standard error. */
  heard?: (line: string) => void;
}

/**
 * Asks a module of the worker one thing in a process of its own. Whatever becomes of the process, an answer comes: the
 * JSON after the mark, or why there is none.
 */
export async function askWorker(
  python: string,
  question: Question,
): Promise<{ answer: unknown } | { failure: string }> {
  const { code, signal, stdout, stderr, late } = await call(python, question);
  if (late) return { failure: `it did not answer within ${question.patience! / 1000} seconds` };
  const line = stdout.split('\n').findLast((text) => text.startsWith(question.mark));
  const answer = line === undefined ? undefined : parsed(line.slice(question.mark.length));
  if (answer !== undefined) return { answer };
  if (signal) return { failure: `it was ended by ${signal}${stderr.trim() === '' ? '' : `: ${lastWords(stderr)}`}` };
  if (code !== 0) return { failure: stderr.trim() === '' ? `it ended with exit code ${code}` : lastWords(stderr) };
  return { failure: `its answer could not be read: ${JSON.stringify(stdout.trim().slice(0, 200))}` };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

interface Ended {
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
  late: boolean;
}

function call(python: string, { module, request, patience, env, heard }: Question): Promise<Ended> {
  const child = spawn(python, ['-m', module, JSON.stringify(request)], {
    cwd: workerFolder(),
    stdio: ['ignore', 'pipe', 'pipe'],
    windowsHide: true,
    env: { ...process.env, ...env },
  });
  const ended: Ended = { code: null, signal: null, stdout: '', stderr: '', late: false };
  for (const stream of ['stdout', 'stderr'] as const) {
    child[stream].setEncoding('utf8').on('data', (text: string) => {
      ended[stream] = (ended[stream] + text).slice(-1_000_000);
      if (stream === 'stderr' && heard)
        text
          .split(/[\r\n]+/)
          .filter(Boolean)
          .forEach(heard);
    });
  }
  return new Promise((resolve) => {
    const end = () => (clearTimeout(timer), resolve(ended));
    const late = () => {
      ended.late = true;
      child.kill('SIGKILL');
      // What it started may hold the pipes open.
      end();
      child.stdout.destroy();
      child.stderr.destroy();
    };
    const timer = patience === null ? undefined : setTimeout(late, patience);
    child.on('error', (error) => ((ended.stderr = error.message), (ended.code ??= -1), end()));
    child.on('close', (code, signal) => (Object.assign(ended, { code, signal }), end()));
  });
}
