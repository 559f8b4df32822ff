import type { RunGlance } from '../../engine/protocol.ts';
import { kindOf, type RunKind } from './kinds.ts';

/** A run that has just ended, and how. */
export interface Ending {
  run: RunGlance;
  how: Extract<RunKind, 'finished' | 'failed' | 'crashed'>;
}

/**
 * The runs that have ended between two lists: those that a trainer had in the first and that are finished, failed or crashed
 * in the second. A run that had ended before anyone looked is no news.
 */
export function endings(before: readonly RunGlance[] | null, after: readonly RunGlance[]): Ending[] {
  const were = new Map((before ?? []).map((run) => [run.id, kindOf(run)]));
  return after.flatMap((run) => {
    const was = were.get(run.id);
    const how = kindOf(run);
    if (was !== 'running' && was !== 'paused') return [];
    return how === 'finished' || how === 'failed' || how === 'crashed' ? [{ run, how }] : [];
  });
}
