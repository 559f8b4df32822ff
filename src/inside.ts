import type * as vscode from 'vscode';
import type { Engine } from './engine/engine.ts';
import type { EnginePolicy } from './engine/policy.ts';
import type { WatchedRuns } from './runs/watched.ts';
import type { PanelSerializers } from './views/panels/create.ts';
import type { TreeNode } from './views/runs/nodes.ts';

/** What the tree of runs shows: its rows, and the text above them. */
export interface ShownTree {
  readonly provider: vscode.TreeDataProvider<TreeNode>;
  readonly message: string | undefined;
}

/** What VS Code asks of the extension and shows, for suites inside the extension host. Only they are given it. */
export interface Inside {
  readonly engine: Engine;
  readonly runs: WatchedRuns;
  tree(): Promise<ShownTree>;
  /** What panels come back by when the window is reloaded. */
  readonly serializers: PanelSerializers;
  /** The numbers of the engine's life, in place of the usual ones. To be called before the engine is first asked. */
  usePolicy(policy: EnginePolicy): void;
}
