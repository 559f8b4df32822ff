/** The editor's side of the language server for configs. Loaded when the first config is opened. */
import path from 'node:path';
import * as vscode from 'vscode';
import { LanguageClient, RevealOutputChannelOn, TransportKind, type Middleware } from 'vscode-languageclient/node';
import { onEngineSettings, runsFolder } from '../engine/settings.ts';
import { withLine } from './documentation.ts';

/** What the server is told of the editor; its own record of it is in server/settings.ts. */
function settingsOf(extensionFolder: string): object {
  const configuration = vscode.workspace.getConfiguration('sage');
  return {
    runsFolder: runsFolder(extensionFolder),
    commands: true,
    codeLens: configuration.get('codeLens', true),
    inlayHints: configuration.get<object>('inlayHints', {}),
  };
}

const middleware: Middleware = {
  handleDiagnostics: (uri, diagnostics, next) => next(uri, diagnostics.map(withLine)),
};

/** Starts the server, and restarts it where it ends by itself, as often as is sensible. */
export function startLanguageClient({ extensionPath }: vscode.ExtensionContext): vscode.Disposable {
  const log = vscode.window.createOutputChannel('SAGE Config', { log: true });
  const module = path.join(extensionPath, 'dist', 'language-server.js');
  const watched = vscode.workspace.createFileSystemWatcher('**/*.{sage.yaml,txt,csv,jsonl}');
  const client = new LanguageClient(
    'sage-config',
    'SAGE Config',
    { module, transport: TransportKind.ipc },
    {
      documentSelector: [{ language: 'sage-yaml' }],
      outputChannel: log,
      revealOutputChannelOn: RevealOutputChannelOn.Never,
      diagnosticCollectionName: 'sage',
      initializationOptions: () => settingsOf(extensionPath),
      synchronize: { fileEvents: watched },
      middleware,
    },
  );
  const tell = () => {
    if (!client.isRunning()) return;
    const settings = { sage: settingsOf(extensionPath) };
    void client.sendNotification('workspace/didChangeConfiguration', { settings });
  };
  client.start().catch((error: unknown) => {
    log.error(String(error));
    const text = vscode.l10n.t('Configs are not checked as you type: the language server of SAGE does not start.');
    const show = vscode.l10n.t('Show Log');
    void vscode.window.showErrorMessage(text, show).then((chosen) => {
      if (chosen === show) log.show();
    });
  });
  const changed = [
    onEngineSettings(tell),
    vscode.workspace.onDidChangeConfiguration((event) => {
      if (event.affectsConfiguration('sage.codeLens') || event.affectsConfiguration('sage.inlayHints')) tell();
    }),
  ];
  return new vscode.Disposable(() => {
    for (const each of [...changed, watched]) each.dispose();
    void client.dispose().finally(() => log.dispose());
  });
}
