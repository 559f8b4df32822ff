import { realpath } from 'node:fs/promises';
import path from 'node:path';
import * as vscode from 'vscode';
import { requireRun, requireTrust, type CommandContext } from './context.ts';
import { pickRun, pickRuns } from './pick-run.ts';

const mostCompared = 8;

/** Opens the dashboard of a run. */
export async function openDashboard(context: CommandContext, argument: unknown): Promise<void> {
  const picked = await pickRun(context, 'openDashboard', vscode.l10n.t('Open Dashboard'), argument);
  if (picked) await context.panels.openDashboard(picked.run, picked.iteration ?? undefined);
}

/** Opens 2 to 8 runs side by side: those given or selected; with less than two, the others are asked for. */
export async function compareRuns(context: CommandContext, argument: unknown, selection: unknown): Promise<void> {
  const title = vscode.l10n.t('Compare Runs');
  const question = { title, placeHolder: vscode.l10n.t('Choose 2 to {0} runs', mostCompared), fewest: 2 };
  const runs = await pickRuns(context, 'compareRuns', question, argument, selection);
  if (runs === undefined) return;
  if (runs.length >= 2 && runs.length <= mostCompared) await context.panels.openCompare(runs);
  else
    void vscode.window.showWarningMessage(
      vscode.l10n.t('{0} can be compared at once; {1} are chosen.', `2–${mostCompared}`, runs.length),
    );
}

async function folderOf(context: CommandContext, run: string): Promise<string | undefined> {
  return (await requireRun(context, run))?.folder;
}

/** Writes the report of a run and opens it in the browser. */
export async function openReport(context: CommandContext, argument: unknown): Promise<string | undefined> {
  if (!(await requireTrust())) return undefined;
  const picked = await pickRun(context, 'openReport', vscode.l10n.t('Open Report'), argument);
  if (picked === undefined) return undefined;
  const title = vscode.l10n.t('Writing the report of {0}', picked.run);
  const written = await vscode.window.withProgress({ location: vscode.ProgressLocation.Notification, title }, () =>
    context.engine.request('run/report', { run: picked.run }),
  );
  const file = vscode.Uri.file(path.join(written.folder, written.path));
  const opened = vscode.env.remoteName === undefined && (await vscode.env.openExternal(file));
  if (!opened) void showWhere(file);
  return file.fsPath;
}

async function showWhere(file: vscode.Uri): Promise<void> {
  const copy = vscode.l10n.t('Copy Path');
  const reveal = vscode.l10n.t('Reveal');
  const actions = vscode.workspace.getWorkspaceFolder(file) ? [reveal, copy] : [copy];
  const text = vscode.l10n.t('The report is {0}. Open it in a browser.', file.fsPath);
  const chosen = await vscode.window.showInformationMessage(text, ...actions);
  if (chosen === copy) await vscode.env.clipboard.writeText(file.fsPath);
  else if (chosen === reveal) await vscode.commands.executeCommand('revealInExplorer', file);
}

/** Shows the folder of a run: in the explorer when it is part of the workspace, else in the file manager. */
export async function revealRunFolder(context: CommandContext, argument: unknown): Promise<void> {
  const picked = await pickRun(context, 'revealRunFolder', vscode.l10n.t('Reveal Run Folder'), argument);
  const folder = picked && (await folderOf(context, picked.run));
  if (folder === undefined) return;
  const uri = vscode.Uri.file(folder);
  const inside = vscode.workspace.getWorkspaceFolder(uri) !== undefined;
  await vscode.commands.executeCommand(inside ? 'revealInExplorer' : 'revealFileInOS', uri);
}

/** Opens what the trainer wrote, at its end. */
export async function openLog(context: CommandContext, argument: unknown): Promise<void> {
  const picked = await pickRun(context, 'openLog', vscode.l10n.t('Open Log'), argument);
  const folder = picked && (await folderOf(context, picked.run));
  if (folder === undefined) return;
  const inner = await realpath(folder);
  const file = await realpath(path.join(folder, 'engine.log')).catch(() => null);
  if (file === null || path.dirname(file) !== inner) {
    const text = vscode.l10n.t('{0} has no engine.log. Its trainer has written nothing yet.', picked!.run);
    return void vscode.window.showInformationMessage(text);
  }
  const editor = await vscode.window.showTextDocument(vscode.Uri.file(file), { preview: true });
  const end = editor.document.lineAt(editor.document.lineCount - 1).range;
  editor.selection = new vscode.Selection(end.end, end.end);
  editor.revealRange(end);
}

async function copy(text: string): Promise<void> {
  await vscode.env.clipboard.writeText(text);
  vscode.window.setStatusBarMessage(vscode.l10n.t('Copied {0}', text.split('\n', 1)[0]), 3000);
}

async function pickForCopy(
  context: CommandContext,
  command: 'copyRunId' | 'copyRunPath',
  argument: unknown,
  selection: unknown,
): Promise<string[]> {
  const title = command === 'copyRunId' ? vscode.l10n.t('Copy Run Id') : vscode.l10n.t('Copy Path of Run Folder');
  const question = { title, placeHolder: vscode.l10n.t('Choose runs'), fewest: 1 };
  return (await pickRuns(context, command, question, argument, selection)) ?? [];
}

/** Copies the ids of runs, one a line. */
export async function copyRunId(context: CommandContext, argument: unknown, selection: unknown): Promise<void> {
  const runs = await pickForCopy(context, 'copyRunId', argument, selection);
  if (runs.length > 0) await copy(runs.join('\n'));
}

/** Copies the folders of runs, one a line. */
export async function copyRunPath(context: CommandContext, argument: unknown, selection: unknown): Promise<void> {
  const runs = await pickForCopy(context, 'copyRunPath', argument, selection);
  const folders = (await Promise.all(runs.map((run) => folderOf(context, run)))).filter((f) => f !== undefined);
  if (folders.length > 0) await copy(folders.join('\n'));
}
