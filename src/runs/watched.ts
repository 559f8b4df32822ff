import type { Problem, RunGlance } from '../../engine/protocol.ts';
import type { Disposable, Engine } from '../engine/engine.ts';
import { watchRuns } from '../engine/observe.ts';
import type { Runs } from '../studio.ts';
import { withChanges } from './list.ts';

/** Runs that are watched once someone wants to see them. */
export interface WatchedRuns extends Runs, Disposable {
  /** Why they cannot be listed, null when they can. */
  readonly problem: Problem | null;
  /** Has them watched from now on. */
  watch(): void;
  /** Reads them all anew; what was known is shown until then. */
  refresh(): void;
}

/** The runs that an engine knows. Nothing is asked of it before `watch`. */
export function createWatchedRuns(engine: Engine): WatchedRuns {
  const listeners = new Set<() => void>();
  let all: readonly RunGlance[] | null = null;
  let byId = new Map<string, RunGlance>();
  let problem: Problem | null = null;
  let watching: Disposable | null = null;

  function put(runs: readonly RunGlance[] | null, why: Problem | null): void {
    all = runs;
    byId = new Map(runs?.map((run) => [run.id, run]));
    problem = why;
    for (const listener of [...listeners]) listener();
  }
  const begin = () =>
    watchRuns(engine, {
      runs: (runs) => put(runs, null),
      changed: (changes) => put(withChanges(all ?? [], changes), null),
      refused: (why) => put(all, why),
      // Who shows the engine's state says so.
      waiting: () => {},
    });
  return {
    get all() {
      return all;
    },
    get problem() {
      return problem;
    },
    get: (id) => byId.get(id),
    onChange(listener) {
      const own = () => listener();
      listeners.add(own);
      return { dispose: () => void listeners.delete(own) };
    },
    watch: () => void (watching ??= begin()),
    refresh() {
      watching?.dispose();
      watching = begin();
    },
    dispose() {
      listeners.clear();
      watching?.dispose();
    },
  };
}
