/** The panel beside a config that shows how it explores, as it is typed. */
import * as vscode from 'vscode';
import {
  fromSchedule,
  scheduleVersion,
  type FromSchedule,
  type ToSchedule,
} from '../../../webview/contract/schedule.ts';
import { pageProblem } from '../../engine/problems.ts';
import { followConnection } from './connection.ts';
import { checkedMessages, oneAtATime } from './messages.ts';
import { allow, copy, load, panelIcon, save, type PanelServices } from './page.ts';

/** Milliseconds that the text rests before the tables are computed anew. */
const rest = 150;

/** Fills a panel, new or revived, with the exploration of a config. */
export function fillSchedule(
  uri: vscode.Uri,
  panel: vscode.WebviewPanel,
  { context, engine, log }: PanelServices,
): void {
  const { webview } = panel;
  const name = vscode.workspace.asRelativePath(uri);
  let live = false;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let asking = new AbortController();
  let connection: vscode.Disposable | null = null;
  const send = (message: ToSchedule) => void (live && webview.postMessage(message));

  async function compute(): Promise<void> {
    asking.abort();
    asking = new AbortController();
    const { signal } = asking;
    try {
      const text = (await vscode.workspace.openTextDocument(uri)).getText();
      const found = await engine.request('config/exploration', { file: uri.fsPath, text }, signal);
      if (!signal.aborted) send({ type: 'exploration', ...found });
    } catch (error) {
      if (!signal.aborted) send({ type: 'problem', problem: pageProblem(error) });
    }
  }
  function computeSoon(): void {
    if (!live) return;
    clearTimeout(timer);
    timer = setTimeout(() => void compute(), rest);
  }
  function begin(): void {
    live = true;
    send({ type: 'setup', version: scheduleVersion, uri: uri.toString(), name });
    connection?.dispose();
    connection = followConnection(engine, (state) => send({ type: 'connection', ...state }));
    void compute();
  }
  function hide(): void {
    live = false;
    connection?.dispose();
    connection = null;
    clearTimeout(timer);
    asking.abort();
  }
  async function openConfig({ line, column }: { line: number; column: number }): Promise<void> {
    const at = new vscode.Position(Math.max(0, line - 1), Math.max(0, column - 1));
    const open = vscode.window.visibleTextEditors.find(({ document }) => document.uri.toString() === uri.toString());
    const viewColumn = open?.viewColumn ?? vscode.ViewColumn.One;
    await vscode.window.showTextDocument(uri, { viewColumn, selection: new vscode.Range(at, at) });
  }
  const opening = oneAtATime(openConfig);
  const copying = oneAtATime(copy);
  const saving = oneAtATime(save);
  const receive = checkedMessages<FromSchedule>(
    fromSchedule,
    (message) => {
      switch (message.type) {
        case 'ready':
          return begin();
        case 'openConfig':
          return opening(message);
        case 'copy':
          return copying(message);
        case 'save':
          return saving(message);
      }
    },
    { log, from: 'Exploration' },
  );
  const isOurs = ({ uri: other }: { uri: vscode.Uri }) => other.toString() === uri.toString();
  const subscriptions = [
    webview.onDidReceiveMessage(receive),
    vscode.workspace.onDidChangeTextDocument(({ document }) => {
      if (isOurs(document)) computeSoon();
    }),
    vscode.workspace.onDidSaveTextDocument((document) => {
      if (isOurs(document)) computeSoon();
    }),
    panel.onDidChangeViewState(() => {
      // A hidden page is gone; a visible one is loaded anew and says that it is ready.
      if (!panel.visible) hide();
    }),
    engine.onState(({ kind }) => {
      if (kind === 'running') computeSoon();
    }),
  ];
  panel.onDidDispose(() => {
    hide();
    for (const subscription of subscriptions) subscription.dispose();
  });
  panel.title = vscode.l10n.t('Exploration: {0}', name);
  panel.iconPath = panelIcon(context.extensionUri, 'schedule');
  allow(webview, context.extensionUri, []);
  load(webview, context.extensionUri, 'schedule', panel.title);
}
