import * as vscode from 'vscode';

/** Starts the language server with the first config that is opened. */
export function createLanguage(context: vscode.ExtensionContext, log: vscode.LogOutputChannel): vscode.Disposable {
  let client: vscode.Disposable | null = null;
  let disposed = false;
  async function start(): Promise<void> {
    opening.dispose();
    const { startLanguageClient } = await import('./client.ts');
    if (!disposed) client = startLanguageClient(context);
  }
  const look = ({ languageId }: vscode.TextDocument) => {
    if (languageId === 'sage-yaml') start().catch((error: unknown) => log.error(String(error)));
  };
  const opening = vscode.workspace.onDidOpenTextDocument(look);
  vscode.workspace.textDocuments.some((document) => document.languageId === 'sage-yaml' && (look(document), true));
  return new vscode.Disposable(() => {
    disposed = true;
    opening.dispose();
    client?.dispose();
  });
}
