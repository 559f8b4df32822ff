import * as vscode from 'vscode';
import type { CommandContext } from '../commands/context.ts';
import { runsFolder } from '../engine/settings.ts';
import type { WatchedRuns } from '../runs/watched.ts';
import type { Studio } from '../studio.ts';
import { createContextKeys } from './context-keys.ts';
import { createNotices } from './notices.ts';
import { createRecheck } from './recheck.ts';
import { createRunsView } from './runs/tree.ts';
import { createStatusBar } from './status-bar.ts';

/** What is seen besides panels, and what commands need of it. */
export interface Views extends vscode.Disposable {
  readonly commands: CommandContext;
}

/** Shows the tree of runs, the status bar and notices, and keeps the context keys and findings up to date. */
export function createViews(studio: Studio & { runs: WatchedRuns }, diagnostics: vscode.DiagnosticCollection): Views {
  const { context, engine, runs } = studio;
  const runsView = createRunsView({ engine, runs, hasPlace: () => runsFolder(context.extensionPath) !== null });
  const commands: CommandContext = {
    ...{ ...studio, diagnostics, runFilter: runsView.filter },
    watchRuns: () => runs.watch(),
    refreshRuns: () => runs.refresh(),
  };
  const views = [createContextKeys(studio), createStatusBar(studio), createNotices(studio), createRecheck(commands)];
  return { commands, dispose: () => vscode.Disposable.from(runsView, ...views).dispose() };
}
