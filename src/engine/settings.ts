import path from 'node:path';
import * as vscode from 'vscode';
import type { LocalSettings } from '../hosts/local.ts';

/** The folder of the workspace whose runs are shown: the first one on a disk. */
export function workspaceFolder(): vscode.WorkspaceFolder | undefined {
  return vscode.workspace.workspaceFolders?.find(({ uri }) => uri.scheme === 'file');
}

/** What the settings say of the engine. Those of a workspace that is not trusted do not count. */
export function localSettings(extensionFolder: string): LocalSettings {
  const configuration = vscode.workspace.getConfiguration('sage');
  const runs = configuration.inspect<string>('runsFolder');
  const mine = runs?.globalValue ?? runs?.defaultValue ?? 'runs';
  return {
    nodePath: configuration.get('engine.nodePath', '').trim(),
    pythonPath: configuration.get('pythonPath', '').trim(),
    runsFolder: vscode.workspace.isTrusted ? configuration.get('runsFolder', 'runs').trim() || 'runs' : mine,
    folder: workspaceFolder()?.uri.fsPath ?? null,
    extensionFolder,
  };
}

/** Where engine and trainers run; see hosts/hosts.ts. */
export function defaultHost(): string {
  return vscode.workspace.getConfiguration('sage').get('defaultHost', 'local').trim() || 'local';
}

/** Where runs are, or would be; null where there is no folder that they could be in. */
export function runsFolder(extensionFolder: string): string | null {
  const { folder, runsFolder: runs } = localSettings(extensionFolder);
  if (path.isAbsolute(runs)) return runs;
  return folder === null ? null : path.join(folder, runs);
}

const ofEngine = ['sage.defaultHost', 'sage.runsFolder', 'sage.engine.nodePath', 'sage.pythonPath'];

/** Calls back when the engine would be started otherwise than before. */
export function onEngineSettings(changed: () => void): vscode.Disposable {
  return vscode.Disposable.from(
    vscode.workspace.onDidChangeConfiguration((event) => {
      if (ofEngine.some((name) => event.affectsConfiguration(name))) changed();
    }),
    vscode.workspace.onDidGrantWorkspaceTrust(changed),
    vscode.workspace.onDidChangeWorkspaceFolders(changed),
  );
}
