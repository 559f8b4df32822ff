import type * as vscode from 'vscode';
import type { RunGlance } from '../engine/protocol.ts';
import type { Engine, Listenable } from './engine/engine.ts';

/** The runs that the engine knows, kept up to date as long as someone looks. */
export interface Runs {
  /** Newest first; null until they are known. */
  readonly all: readonly RunGlance[] | null;
  get(id: string): RunGlance | undefined;
  /** Something in `all` has changed. */
  readonly onChange: Listenable<void>;
}

/** Panels that show runs and configs. */
export interface Panels {
  /** Opens the dashboard of a run, or brings it to the front; with an iteration, at its rollouts. */
  openDashboard(run: string, iteration?: number): Promise<void>;
  /** The run of the dashboard in front, if one is. */
  readonly activeRun: string | null;
  /** 2 to 8 runs. */
  openCompare(runs: readonly string[]): Promise<void>;
  /** Shows beside its editor how a config explores. */
  openExploration(config: vscode.Uri): Promise<void>;
}

/** What commands and views work with. */
export interface Studio {
  readonly context: vscode.ExtensionContext;
  readonly log: vscode.LogOutputChannel;
  readonly engine: Engine;
  readonly runs: Runs;
  readonly panels: Panels;
}
