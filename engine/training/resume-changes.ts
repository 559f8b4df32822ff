import type { Config } from '../config/schema.ts';
import type { ResumePoint } from '../run/checkpoint.ts';
import type { SettingChange } from '../run/events.ts';
import { readRun, updateRun } from '../run/folder.ts';
import type { RecordedChange } from '../run/record.ts';

/**
 * Writes the config that a resumed run has from here on into its record, with what was changed and when.
 * @returns the changes that hold since the checkpoint, for the log: what one of an earlier resume said was cut off with the
 * iterations after it
 */
export async function keepChanges(
  point: ResumePoint | null,
  { changes = [] }: { changes?: readonly SettingChange[] },
  { runFolder, config }: { runFolder: string; config: Config },
): Promise<SettingChange[]> {
  const iteration = point?.iteration ?? 0;
  const { changes: known = [] } = await readRun(runFolder);
  if (changes.length === 0 && known.length === 0) return [];
  const time = new Date().toISOString();
  const earlier = known.filter((each) => each.iteration < iteration);
  const later = known.filter((each) => each.iteration >= iteration).map((each) => ({ ...each, iteration }));
  const since = merged([...later, ...changes.map((change) => ({ ...change, iteration, time }))]);
  await updateRun(runFolder, { config, changes: [...earlier, ...since] });
  return since.map(({ path, from, to }) => ({ path, from, to }));
}

/** One change a key, from its first value to its last. */
function merged(changes: readonly RecordedChange[]): RecordedChange[] {
  const byPath = new Map<string, RecordedChange>();
  for (const change of changes) byPath.set(change.path, { ...change, from: (byPath.get(change.path) ?? change).from });
  return [...byPath.values()].filter(({ from, to }) => from !== to);
}
