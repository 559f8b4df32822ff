import type { NotificationOf, RunGlance } from '../../engine/protocol.ts';
import { newestFirst } from '../../engine/protocol/order.ts';

/** A list of runs after some have come, changed or gone. */
export function withChanges(
  runs: readonly RunGlance[],
  { changed, removed }: NotificationOf<'runs/changed'>,
): RunGlance[] {
  const left = new Map(runs.map((run) => [run.id, run]));
  for (const id of removed) left.delete(id);
  for (const run of changed) left.set(run.id, run);
  return [...left.values()].sort(newestFirst);
}
