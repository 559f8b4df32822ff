import type { NotificationOf, RunGlance } from '../../engine/protocol.ts';

const numeric = new Intl.Collator('en', { numeric: true });

/** The order in which the engine lists runs: newest first, those that cannot be read last. */
function newestFirst(a: RunGlance, b: RunGlance): number {
  const [first, second] = [a.created ?? '', b.created ?? ''];
  if (first !== second) return first < second ? 1 : -1;
  return -numeric.compare(a.id, b.id);
}

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
