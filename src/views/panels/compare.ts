/** The panel that shows runs side by side. */
import path from 'node:path';
import * as vscode from 'vscode';
import type { Panels } from '../../studio.ts';
import { runsFolder } from '../../engine/settings.ts';
import { createCompareSession } from './compare-session.ts';
import { observerOf } from './observation.ts';
import { allow, autoplay, copy, load, panelIcon, save, sourcesOf, type PanelServices } from './page.ts';
import { mediaRoots } from './run-files.ts';

function titleOf(names: readonly string[]): string {
  return vscode.l10n.t('Compare: {0}', names.join(', '));
}

/** Fills a panel, new or revived, with the comparison of runs. */
export function fillCompare(
  panel: vscode.WebviewPanel,
  ids: readonly string[],
  { context, engine, runs, log }: PanelServices,
  openDashboard: Panels['openDashboard'],
): void {
  const { webview } = panel;
  const extension = context.extensionUri;
  let disposed = false;
  /** As the comparison has them, in the order of the ids; none before it is made. */
  let compared: readonly string[] = [];
  function showTitle(): void {
    const title = titleOf(ids.map((id, i) => runs.get(id)?.name ?? compared[i] ?? id));
    if (panel.title !== title) panel.title = title;
  }
  async function allowFolders(folders: readonly string[]): Promise<void> {
    const roots = (await Promise.all(folders.map(mediaRoots))).flat();
    if (disposed) return;
    allow(
      webview,
      extension,
      roots.map((root) => vscode.Uri.file(root)),
    );
  }
  const session = createCompareSession(
    ids,
    { engine, runs, log, observe: (run) => observerOf(engine, run) },
    {
      send: (message) => webview.postMessage(message),
      settings: () => ({ autoplay: autoplay() }),
      found(summaries) {
        compared = summaries.map(({ name }) => name);
        showTitle();
        void allowFolders(summaries.map(({ folder }) => folder));
      },
      sources: (folder, videos) => sourcesOf(webview, folder, videos),
      openDashboard,
      copy,
      save,
    },
  );
  const subscriptions = [
    // A page that is hidden, or long in coming, asks for no comparison.
    runs.onChange(showTitle),
    webview.onDidReceiveMessage(session.receive),
    panel.onDidChangeViewState(() => {
      if (!panel.visible) session.hide();
    }),
    vscode.workspace.onDidChangeConfiguration((change) => {
      if (change.affectsConfiguration('sage.video')) session.setUp();
    }),
    panel.onDidDispose(() => {
      disposed = true;
      session.dispose();
      for (const subscription of subscriptions) subscription.dispose();
    }),
  ];
  showTitle();
  panel.iconPath = panelIcon(extension, 'compare');
  const all = runsFolder(extension.fsPath);
  const known = ids
    .map((id) => runs.get(id)?.folder ?? (all === null ? undefined : path.join(all, id)))
    .filter((folder) => folder !== undefined);
  void allowFolders(known).then(() => {
    if (!disposed) load(webview, extension, 'compare', panel.title);
  });
}
