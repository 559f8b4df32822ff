import { spawn } from 'node:child_process';
import { findPython, workerFolder } from '../../python.ts';

/** Python packages that making and checking the embedded model takes. */
export const makeModules = ['torch', 'numpy', 'safetensors', 'onnx', 'onnxscript', 'onnxruntime'] as const;

/**
 * Runs a module of `sage_worker` with the terminal as its own; ends this process with its exit code when it fails.
 */
export async function runWorkerModule(module: string, args: readonly string[]): Promise<void> {
  const found = await findPython(makeModules);
  if (found.python === null) {
    const tried = found.tried.map(({ python, reason }) => `  ${python}: ${reason}`).join('\n');
    process.stderr.write(
      `error: no Python here has ${makeModules.join(', ')}.\n${tried}\n  → Run \`node bootstrap.mjs setup-python\` first.\n`,
    );
    process.exit(1);
  }
  const child = spawn(found.python, ['-m', module, ...args], { cwd: workerFolder(), stdio: 'inherit' });
  const code = await new Promise<number>((resolve) => child.on('exit', (status) => resolve(status ?? 1)));
  if (code !== 0) process.exit(code);
}
