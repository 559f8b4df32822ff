import { join } from 'node:path';
import { SageError } from '../../../../../engine/errors.ts';
import { runFolderNames } from '../../../../../engine/run/folder.ts';
import { glanceAt, type RunGlance } from '../../../../../engine/run/glance.ts';
import { newestFirst } from '../../../../../engine/run/order.ts';

/** The runs of a config. */
export interface ConfigRuns {
  /** Newest first. */
  ids: string[];
  /** Of the newest few. */
  glances: RunGlance[];
}

/** Runs that are looked into. */
const glanced = 3;
/** Milliseconds for which an answer holds. */
const fresh = 1000;
/** Answers that are kept. */
const mostKept = 32;

const answers = new Map<string, { until: number; runs: Promise<ConfigRuns> }>();

/** The runs of a folder that bear a config's name, by the names of their folders; none where it cannot be listed. */
export function runsOf(runsFolder: string, name: string): Promise<ConfigRuns> {
  const key = JSON.stringify([runsFolder, name]);
  const now = performance.now();
  const known = answers.get(key);
  if (known !== undefined && known.until > now) return known.runs;
  answers.delete(key);
  if (answers.size >= mostKept) answers.delete(answers.keys().next().value!);
  const runs = lookUp(runsFolder, name);
  answers.set(key, { until: now + fresh, runs });
  return runs;
}

async function lookUp(runsFolder: string, name: string): Promise<ConfigRuns> {
  const names = await runFolderNames(runsFolder).catch((error: unknown) => {
    if (error instanceof SageError) return [];
    throw error;
  });
  // NAME-yyyymmdd-hhmmss, and -2, -3 … for others of the same second: the newest has the greatest name.
  const ids = names
    .filter((id) => id.startsWith(`${name}-`) && /^\d{8}-\d{6}(-\d+)?$/.test(id.slice(name.length + 1)))
    .sort((a, b) => newestFirst({ id: a, created: null }, { id: b, created: null }));
  const glances = await Promise.all(ids.slice(0, glanced).map((id) => glanceAt(join(runsFolder, id), id)));
  return { ids, glances: glances.filter((glance) => glance !== null) };
}
