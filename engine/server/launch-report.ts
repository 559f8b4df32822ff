import { renameSync } from 'node:fs';
import { z } from 'zod';
import { problem } from '../protocol/records.ts';
import { runPaths } from '../run/folder.ts';
import { problemOf } from './problem.ts';

/** Set for a trainer that was launched by the engine: the file that its output goes to. */
export const launchLogVariable = 'SAGE_LAUNCH_LOG';

/** The one message of a launched trainer, over the channel that Node opens for a child. */
export const launchReport = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('started'), folder: z.string(), pid: z.number() }),
  z.object({ kind: z.literal('failed'), problem }),
]);
export type LaunchReport = z.infer<typeof launchReport>;

/** The trainer's side of a launch. Does nothing for a trainer that was started in a terminal. */
export interface Launch {
  /** Whether there is one who launched it. */
  readonly launched: boolean;
  /** Puts the output so far into the run folder, where the rest will go as well. */
  adoptLog(runFolder: string): void;
  started(runFolder: string): void;
  failed(error: unknown): void;
}

/** Looks once whether this process was launched by the engine. Its own children do not inherit that. */
export function createLaunch(): Launch {
  const logFile = process.env[launchLogVariable];
  delete process.env[launchLogVariable];
  let open = logFile !== undefined && process.send !== undefined;

  function report(message: LaunchReport): void {
    if (!open) return;
    open = false;
    // The engine may be gone; training does not depend on it.
    if (!process.connected) return;
    process.send?.(message, undefined, {}, () => {
      if (process.connected) process.disconnect();
    });
  }
  return {
    launched: logFile !== undefined,
    adoptLog(runFolder) {
      const target = runPaths(runFolder).log;
      if (logFile === undefined || logFile === target) return;
      try {
        renameSync(logFile, target);
      } catch {
        // The output then stays where it is; training goes on.
      }
    },
    started: (folder) => report({ kind: 'started', folder, pid: process.pid }),
    failed: (error) => report({ kind: 'failed', problem: problemOf(error) }),
  };
}
