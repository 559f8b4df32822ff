import * as vscode from 'vscode';
import { withoutLinks } from '../runs/links.ts';

export const configEnding = '.sage.yaml';

export function isConfig(uri: vscode.Uri): boolean {
  return uri.path.endsWith(configEnding);
}

/** The file that an argument names: a uri (as an object or as text), an absolute path, or `{ config }` with one of these. */
export function configOf(argument: unknown): vscode.Uri | undefined {
  if (argument instanceof vscode.Uri) return argument;
  if (typeof argument === 'string')
    return /^[a-z][\w+.-]+:/i.test(argument) ? vscode.Uri.parse(argument) : vscode.Uri.file(argument);
  if (typeof argument === 'object' && argument !== null && 'config' in argument) return configOf(argument.config);
  return undefined;
}

/** The config in the active editor, if one is there. */
function activeConfig(): vscode.Uri | undefined {
  const input: unknown = vscode.window.tabGroups.activeTabGroup.activeTab?.input;
  const uri = input instanceof vscode.TabInputText ? input.uri : vscode.window.activeTextEditor?.document.uri;
  return uri && isConfig(uri) ? uri : undefined;
}

/** The configs of the workspace, those of the examples of other people's packages and of runs left out. */
async function workspaceConfigs(): Promise<vscode.Uri[]> {
  const runs = vscode.workspace.getConfiguration('sage').get('runsFolder', 'runs');
  const excluded = ['**/node_modules/**', '**/runs/**', ...(/^[\w./-]+$/.test(runs) ? [`${runs}/**`] : [])];
  const found = await vscode.workspace.findFiles(`**/*${configEnding}`, `{${excluded.join(',')}}`, 500);
  return found.sort((a, b) => a.path.localeCompare(b.path));
}

const newConfig = Symbol('new config');

/**
 * The config that is meant: the argument, the active editor's, or one chosen among those of the workspace.
 * @param question what it is chosen for
 */
export async function chooseConfig(
  argument: unknown,
  question: { title: string; placeHolder: string },
): Promise<vscode.Uri | undefined> {
  const given = configOf(argument) ?? activeConfig();
  if (given !== undefined) return given;
  const files = await workspaceConfigs();
  const items: (vscode.QuickPickItem & { value: vscode.Uri | typeof newConfig })[] = files.map((uri) => ({
    label: uri.path.split('/').at(-1)!,
    description: vscode.workspace.asRelativePath(uri),
    iconPath: vscode.ThemeIcon.File,
    resourceUri: uri,
    value: uri,
  }));
  items.push({ label: vscode.l10n.t('New Config…'), iconPath: new vscode.ThemeIcon('new-file'), value: newConfig });
  const placeHolder =
    files.length === 0
      ? vscode.l10n.t('There is no config in this workspace yet. Make one, look at it, then launch it')
      : question.placeHolder;
  const options = { title: question.title, placeHolder, matchOnDescription: true };
  const picked = await vscode.window.showQuickPick(items, options);
  if (picked?.value !== newConfig) return picked?.value;
  await vscode.commands.executeCommand('sage.newConfig');
  return undefined;
}

/** Whether a config lies where a trainer can read it; says so when it does not. */
export function requireDisk(uri: vscode.Uri): boolean {
  if (uri.scheme === 'file') return true;
  const name = withoutLinks(uri.path.split('/').at(-1)!);
  const text = vscode.l10n.t('{0} is not on a disk of this machine. Save it in a folder, then launch it.', name);
  void vscode.window.showWarningMessage(text);
  return false;
}

/** Saves the open document of a file; false when that was not possible. */
export async function saveIfOpen(uri: vscode.Uri): Promise<boolean> {
  const document = vscode.workspace.textDocuments.find((each) => each.uri.toString() === uri.toString());
  return document === undefined || !document.isDirty || document.save();
}
