import { stat } from 'node:fs/promises';
import { exitCodes, SageError } from '../errors.ts';

/** Milliseconds between looks at a log: soon after it grew, seldom while it rests. */
export const pace = { busy: 100, resting: 1000, growth: 1.5 };

/** A sleep that can be cut short. */
export interface Sleep {
  for(milliseconds: number): Promise<void>;
  end(): void;
}

export function createSleep(): Sleep {
  let wake = () => {};
  return {
    for: (milliseconds) =>
      new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, milliseconds);
        wake = () => {
          clearTimeout(timer);
          resolve();
        };
      }),
    end: () => wake(),
  };
}

/** @throws SageError `run/unknown` when the folder of a run that was there is gone */
export async function requireRun(runFolder: string): Promise<void> {
  if (await stat(runFolder).catch(() => null)) return;
  throw new SageError('run/unknown', `The run folder ${runFolder} is gone.`, 'It was moved or deleted.', {
    place: { file: runFolder },
    exitCode: exitCodes.usage,
  });
}
