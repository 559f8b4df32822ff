import type { RunGlance } from '../../engine/protocol.ts';
import { labelOf } from './describe.ts';
import { kindOf } from './kinds.ts';

const kinds = ['running', 'paused', 'stopped', 'finished', 'failed', 'crashed', 'broken'];

/**
 * Whether a run is meant by a filter: words of which each must stand in its name or id, except that of statuses any one is
 * enough. Case does not matter; the empty filter means every run.
 */
export function matches(filter: string, run: RunGlance): boolean {
  const words = filter.toLowerCase().split(/\s+/).filter(Boolean);
  const statuses = words.filter((word) => kinds.includes(word));
  const texts = words.filter((word) => !kinds.includes(word));
  const text = `${labelOf(run)} ${run.id}`.toLowerCase();
  return (statuses.length === 0 || statuses.includes(kindOf(run))) && texts.every((word) => text.includes(word));
}
