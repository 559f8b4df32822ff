import path from 'node:path';
import { runFolderNames } from '../run/folder.ts';
import { newestFirst } from '../run/order.ts';
import { glanceAt, recordVersion, type RunGlance } from '../run/glance.ts';
import { glanceAll } from './runs.ts';

/** Milliseconds between looks. */
const interval = 500;
/** A run at rest is looked at every so many looks, a share of them at a time. */
const shares = 10;

export interface RunChanges {
  /** Runs that are new or changed, as they are now. */
  changed: RunGlance[];
  /** Ids of runs that are gone. */
  removed: string[];
}

export interface RunsWatcher {
  /** The runs as they were seen last, newest first. What changes after that is told. */
  runs(): RunGlance[];
  /** Looks at a run soon, where something is known to happen. */
  expect(id: string): void;
  close(): void;
}

interface Seen {
  glance: RunGlance | null;
  version: string;
}

const isGoingOn = (seen: Seen | undefined) => seen?.glance?.status === 'running' || seen?.glance?.status === 'paused';

/**
 * Watches a folder of runs by looking at it: names twice a second, runs that are going on as well, the rest every few
 * seconds. The same on every file system, also on those that tell nobody of changes.
 * @param tell is awaited before the next look
 */
export async function watchRuns(
  runsDir: string,
  tell: (changes: RunChanges) => Promise<void>,
  onError: (error: unknown) => void,
): Promise<RunsWatcher> {
  const seen = new Map<string, Seen>();
  const expected = new Set<string>();
  let turn = 0;
  let timer: NodeJS.Timeout | undefined;
  let closed = false;

  const sorted = () => [...seen.values()].flatMap(({ glance }) => glance ?? []).sort(newestFirst);
  const versionOf = (name: string) => recordVersion(path.join(runsDir, name));

  async function lookAtAll(names: readonly string[]): Promise<void> {
    // Versions first: what changes in between is then seen as a change.
    const versions = names.map(versionOf);
    const glances = new Map((await glanceAll(runsDir, names)).map((glance) => [glance.id, glance]));
    for (const [i, name] of names.entries())
      seen.set(name, { glance: glances.get(name) ?? null, version: versions[i] });
  }

  /** Looks at one run; its glance if it is another than before. */
  async function look(name: string): Promise<RunGlance | 'gone' | null> {
    const before = seen.get(name);
    const version = versionOf(name);
    if (before && !isGoingOn(before) && !expected.delete(name) && before.version === version) return null;
    const glance = await glanceAt(path.join(runsDir, name), name);
    seen.set(name, { glance, version });
    if (!glance) return before?.glance ? 'gone' : null;
    return JSON.stringify(glance) === JSON.stringify(before?.glance ?? null) ? null : glance;
  }

  async function lookAround(): Promise<RunChanges> {
    const changes: RunChanges = { changed: [], removed: [] };
    const names = await runFolderNames(runsDir);
    const there = new Set(names);
    for (const [name, { glance }] of seen) {
      if (there.has(name)) continue;
      seen.delete(name);
      if (glance) changes.removed.push(name);
    }
    turn = (turn + 1) % shares;
    for (const [i, name] of names.entries()) {
      const known = seen.get(name);
      if (known && !isGoingOn(known) && !expected.has(name) && i % shares !== turn) continue;
      const found = await look(name);
      if (found === 'gone') changes.removed.push(name);
      else if (found) changes.changed.push(found);
    }
    return changes;
  }

  async function tick(): Promise<void> {
    try {
      const changes = await lookAround();
      if (!closed && changes.changed.length + changes.removed.length > 0) await tell(changes);
    } catch (error) {
      onError(error);
    }
    if (!closed) timer = setTimeout(tick, interval);
  }

  await lookAtAll(await runFolderNames(runsDir));
  timer = setTimeout(tick, interval);
  return {
    runs: sorted,
    expect: (id) => void expected.add(id),
    close() {
      closed = true;
      clearTimeout(timer);
    },
  };
}
