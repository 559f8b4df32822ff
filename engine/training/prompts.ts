import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import { SageError } from '../errors.ts';

/** Prompts of a run, kept in its folder so that a resume does not depend on the file they came from. */
export interface RunPrompts {
  training: string[];
  evaluation: string[];
}

const promptsSchema = z.object({ training: z.array(z.string()).min(1), evaluation: z.array(z.string()).min(1) });

const promptsFile = 'prompts.json';

/** The file of a new run folder that holds the prompts: its name and text, for `createRun`. */
export function promptsFiles(prompts: RunPrompts): Record<string, string> {
  return { [promptsFile]: `${JSON.stringify(prompts, null, 2)}\n` };
}

/** @throws SageError `run/broken` */
export async function readPrompts(runFolder: string): Promise<RunPrompts> {
  const file = path.join(runFolder, promptsFile);
  try {
    return promptsSchema.parse(JSON.parse(await readFile(file, 'utf8')));
  } catch (cause) {
    throw new SageError('run/broken', `The prompts of the run cannot be read from ${file}.`, 'Start the run anew.', {
      place: { file },
      cause,
    });
  }
}
