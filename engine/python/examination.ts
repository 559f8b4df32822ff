import { spawn } from 'node:child_process';
import { z } from 'zod';
import { workerFolder } from '../python.ts';
import { lastWords } from './faults.ts';

/** How a model's files are laid out. */
export type WeightsKind = 'pipeline' | 'model' | 'processor' | 'videoalign';

/** What to look at: distributions, modules to import, folders or Hugging Face repositories. */
export interface Wanted {
  packages: readonly string[];
  imports: readonly string[];
  weights: readonly { name: string; kind: WeightsKind }[];
}

const examination = z.object({
  python: z.string(),
  executable: z.string(),
  /** Version of each wanted distribution; null: not installed. */
  packages: z.record(z.string(), z.string().nullable()),
  /** Modules that are installed and cannot be imported, and why. */
  broken: z.record(z.string(), z.string()),
  torch: z
    .union([
      z.object({ error: z.string() }),
      z.object({
        version: z.string(),
        /** Of the build; null: for the CPU alone. */
        cuda: z.string().nullable(),
        available: z.boolean(),
        /** PyTorch's word on why there is no GPU. */
        reason: z.string().nullable(),
        nccl: z.string().nullable(),
        threads: z.number(),
      }),
    ])
    .nullable(),
  devices: z.array(
    z.object({
      name: z.string(),
      /** Bytes. */
      total: z.number(),
      free: z.number().nullable(),
      capability: z.string(),
      bf16: z.boolean(),
      error: z.string().nullable(),
    }),
  ),
  /** Hugging Face's folder of downloads; bytes free on its disk. */
  cache: z.object({ folder: z.string(), free: z.number() }),
  weights: z.array(
    z.object({
      name: z.string(),
      /** A folder was named, not a repository. */
      is_path: z.boolean(),
      folder: z.string().nullable(),
      /** Files that lack; null: nothing is here. */
      missing: z.array(z.string()).nullable(),
    }),
  ),
});

/** What a Python has of what training needs; `sage_worker/doctor.py` writes it. */
export type Examination = z.infer<typeof examination>;

const mark = 'sage-doctor ';

/**
 * Asks a Python what it has. Whatever becomes of it, an answer comes: a Python that crashes, hangs or talks nonsense is one
 * that says why it cannot be used.
 * @param patience milliseconds; a first import of PyTorch from a slow disk takes a minute
 */
export async function examine(
  python: string,
  wanted: Wanted,
  patience = 180_000,
): Promise<Examination | { failure: string }> {
  const { code, signal, stdout, stderr, late } = await call(python, JSON.stringify(wanted), patience);
  if (late) return { failure: `it did not answer within ${patience / 1000} seconds` };
  const line = stdout.split('\n').findLast((text) => text.startsWith(mark));
  if (line !== undefined) {
    const read = examination.safeParse(parsed(line.slice(mark.length)));
    if (read.success) return read.data;
  }
  if (signal) return { failure: `it was ended by ${signal}${said(stderr)}` };
  if (code !== 0) return { failure: stderr.trim() === '' ? `it ended with exit code ${code}` : lastWords(stderr) };
  return { failure: `its answer could not be read: ${JSON.stringify(stdout.trim().slice(0, 200))}` };
}

function said(stderr: string): string {
  return stderr.trim() === '' ? '' : `: ${lastWords(stderr)}`;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

interface Answer {
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
  late: boolean;
}

function call(python: string, request: string, patience: number): Promise<Answer> {
  const child = spawn(python, ['-m', 'sage_worker.doctor', request], {
    cwd: workerFolder(),
    stdio: ['ignore', 'pipe', 'pipe'],
    windowsHide: true,
    // It only looks: nothing is downloaded.
    env: { ...process.env, HF_HUB_OFFLINE: '1', TRANSFORMERS_VERBOSITY: 'error', PYTHONWARNINGS: 'ignore' },
  });
  const answer: Answer = { code: null, signal: null, stdout: '', stderr: '', late: false };
  for (const stream of ['stdout', 'stderr'] as const) {
    child[stream].setEncoding('utf8').on('data', (text: string) => {
      answer[stream] = (answer[stream] + text).slice(-1_000_000);
    });
  }
  return new Promise((resolve) => {
    const end = () => (clearTimeout(timer), resolve(answer));
    const timer = setTimeout(() => {
      answer.late = true;
      child.kill('SIGKILL');
      // What it started may hold the pipes open.
      end();
      child.stdout.destroy();
      child.stderr.destroy();
    }, patience);
    child.on('error', (error) => ((answer.stderr = error.message), (answer.code ??= -1), end()));
    child.on('close', (code, signal) => (Object.assign(answer, { code, signal }), end()));
  });
}
