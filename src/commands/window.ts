import * as vscode from 'vscode';
import type { CommandContext } from './context.ts';

/** Starts the engine's process anew; trainers go on. */
export async function restartEngine(context: CommandContext): Promise<void> {
  const location = vscode.ProgressLocation.Window;
  await vscode.window.withProgress({ location, title: vscode.l10n.t('Restarting the SAGE engine') }, () =>
    context.engine.restart(),
  );
}

export async function showEngineLog(context: CommandContext): Promise<void> {
  context.log.show();
}

export async function refreshRuns(context: CommandContext): Promise<void> {
  context.refreshRuns();
}

/** Shows only some runs in the tree. Takes the filter; without one, asks. */
export async function filterRuns(context: CommandContext, argument: unknown): Promise<void> {
  const filter =
    typeof argument === 'string'
      ? argument
      : await vscode.window.showInputBox({
          title: vscode.l10n.t('Filter Runs'),
          prompt: vscode.l10n.t('Words of the name, or statuses: running, paused, stopped, finished, failed, crashed'),
          value: context.runFilter.get(),
        });
  if (filter !== undefined) context.runFilter.set(filter.trim());
}

export async function clearRunFilter(context: CommandContext): Promise<void> {
  context.runFilter.set('');
}

export async function openWalkthrough(context: CommandContext): Promise<void> {
  const walkthrough = `${context.context.extension.id}#start`;
  await vscode.commands.executeCommand('workbench.action.openWalkthrough', walkthrough, false);
}
