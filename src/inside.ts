import type { Engine } from './engine/engine.ts';
import type { EnginePolicy } from './engine/policy.ts';
import type { WatchedRuns } from './runs/watched.ts';
import type { PanelSerializers } from './views/panels/create.ts';
import type { RunsView } from './views/runs/tree.ts';

/** What VS Code asks of the extension and shows, for suites inside the extension host. Only they are given it. */
export interface Inside {
  readonly engine: Engine;
  readonly runs: WatchedRuns;
  /** The tree of runs, and the text above it. */
  tree(): Promise<RunsView['tree']>;
  /** What panels come back by when the window is reloaded. */
  readonly serializers: PanelSerializers;
  /** The numbers of the engine's life, in place of the usual ones. To be called before the engine is first asked. */
  usePolicy(policy: EnginePolicy): void;
}
