import { createWriteStream } from 'node:fs';
import { Socket } from 'node:net';
import path from 'node:path';
import type { Writable } from 'node:stream';
import { exitCodes } from '../errors.ts';
import { serve } from '../server/serve.ts';

/** Serves a folder of runs over standard input and output, until the input is closed. Returns the exit code. */
export async function serveCommand(runs: string): Promise<number> {
  const log = (text: string) => void process.stderr.write(`${new Date().toISOString()} ${text}\n`);
  const ended = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => ended.abort());
  // Nothing but the protocol may go to the standard output.
  const output = protocolOutput();
  process.stdout.write = process.stderr.write.bind(process.stderr) as typeof process.stdout.write;
  const argv = [...process.execArgv.filter((flag) => !flag.startsWith('--inspect')), process.argv[1]];
  const program = { command: process.execPath, argv };
  await serve({ runsDir: path.resolve(runs), input: process.stdin, output, program, log, signal: ended.signal });
  process.stdin.destroy();
  output.destroy();
  return exitCodes.done;
}

/** Standard output as a stream that does not block this process while the editor is slow. */
function protocolOutput(): Writable {
  try {
    return new Socket({ fd: 1, readable: false, writable: true });
  } catch {
    // It is a file.
    return createWriteStream('', { fd: 1, autoClose: false });
  }
}
