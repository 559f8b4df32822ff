import * as vscode from 'vscode';
import type { CommandContext } from '../commands/context.ts';
import { runsFolder } from '../engine/settings.ts';
import { createLanguage } from '../language/start.ts';
import type { WatchedRuns } from '../runs/watched.ts';
import type { Studio } from '../studio.ts';
import { createContextKeys } from './context-keys.ts';
import { createNotices } from './notices.ts';
import { createRunsView, type RunsView } from './runs/tree.ts';
import { createStatusBar } from './status-bar.ts';

/** What is seen besides panels, and what commands need of it. */
export interface Views extends vscode.Disposable {
  readonly commands: CommandContext;
  readonly tree: RunsView['tree'];
}

/** Shows the tree of runs, the status bar and notices, keeps the context keys up to date, and serves configs that are opened. */
export function createViews(studio: Studio & { runs: WatchedRuns }): Views {
  const { context, engine, log, runs } = studio;
  const runsView = createRunsView({ engine, runs, hasPlace: () => runsFolder(context.extensionPath) !== null });
  const commands: CommandContext = {
    ...{ ...studio, runFilter: runsView.filter },
    watchRuns: () => runs.watch(),
    refreshRuns: () => runs.refresh(),
  };
  const views = [
    createContextKeys(studio),
    createStatusBar(studio),
    createNotices(studio),
    createLanguage(context, log),
  ];
  return { commands, tree: runsView.tree, dispose: () => vscode.Disposable.from(runsView, ...views).dispose() };
}
