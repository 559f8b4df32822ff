import * as vscode from 'vscode';
import type { CommandContext } from '../commands/context.ts';

/** Looks again at configs with findings when they are saved, so that what was put right is no longer shown. */
export function createRecheck({ engine, diagnostics, log }: CommandContext): vscode.Disposable {
  const check = async (uri: vscode.Uri) => {
    const found = await engine.request('config/validate', { file: uri.fsPath });
    const { setFindings } = await import('../commands/findings.ts');
    setFindings(diagnostics, uri, found.diagnostics);
  };
  return vscode.Disposable.from(
    vscode.workspace.onDidSaveTextDocument(({ uri }) => {
      if (diagnostics.has(uri)) check(uri).catch((error: unknown) => log.warn(String(error)));
    }),
    vscode.workspace.onDidDeleteFiles(({ files }) => files.forEach((uri) => diagnostics.delete(uri))),
  );
}
