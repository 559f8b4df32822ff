import { spawn } from 'node:child_process';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { findPython, workerFolder } from '../../engine/python.ts';

export type TorchStep = 'eager' | 'compile';

/** A PyTorch process that times update steps on request. */
export interface TorchChild {
  readonly torch: string;
  readonly threads: number;
  /** Steps that do not run here, and why. */
  readonly broken: Partial<Record<TorchStep, string>>;
  time(step: TorchStep, count: number): Promise<{ milliseconds: number[]; gradientNorm: number }>;
  close(): void;
}

/** Starts PyTorch on the given weights and inputs; a string says why it cannot be. */
export async function startTorch(weights: string, inputs: string, threads: number): Promise<TorchChild | string> {
  const found = await findPython(['torch', 'safetensors', 'numpy', 'onnx', 'onnxruntime']);
  if (found.python === null) return 'no Python with torch was found (set SAGE_PYTHON, or npm run setup-python)';
  const script = path.join(import.meta.dirname, 'update_torch.py');
  const argv = [script, '--weights', weights, '--inputs', inputs, '--threads', String(threads)];
  const child = spawn(found.python, argv, {
    env: { ...process.env, PYTHONPATH: workerFolder() },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  let complaints = '';
  child.stderr.on('data', (chunk: Buffer) => (complaints = (complaints + chunk.toString()).slice(-2000)));
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const next = async () => {
    const { value, done } = await lines.next();
    if (done) throw new Error(`the PyTorch process ended: ${complaints.trim().split('\n').at(-1)}`);
    return JSON.parse(value);
  };
  try {
    const hello = await next();
    return {
      ...hello,
      async time(step, count) {
        child.stdin.write(`${step} ${count}\n`);
        return next();
      },
      close: () => child.stdin.end(),
    };
  } catch (error) {
    return (error as Error).message;
  }
}
