/** The panel that shows one run. */
import path from 'node:path';
import * as vscode from 'vscode';
import type { RunGlance } from '../../../engine/protocol.ts';
import { requireTrust } from '../../commands/context.ts';
import { withoutLinks } from '../../runs/links.ts';
import { runsFolder } from '../../engine/settings.ts';
import { observerOf } from './observation.ts';
import { commandOf, needsTrust, type DashboardAction } from './actions.ts';
import { createDashboardSession, type DashboardPage } from './dashboard-session.ts';
import { allow, autoplay, copy, load, panelIcon, save, sourcesOf, type PanelServices } from './page.ts';
import { openConfig } from './run-config.ts';
import { mediaPath, mediaRoots } from './run-files.ts';
import { viewTypes } from './view-types.ts';

/** A dashboard that is open. */
export interface Dashboard {
  readonly run: string;
  readonly panel: vscode.WebviewPanel;
  /** The run's status, once it is known. */
  readonly status: RunGlance['status'];
  /** Turns to the rollouts of an iteration. */
  show(iteration: number): void;
}

/** Tells that which dashboard is in front, or how its run stands, has changed. */
export type Told = () => void;

async function openVideo(folder: string, file: string): Promise<void> {
  const real = await mediaPath(folder, file, '.mp4');
  if (real === null) {
    void vscode.window.showWarningMessage(vscode.l10n.t('The video {0} is not on disk.', withoutLinks(file)));
    return;
  }
  await vscode.commands.executeCommand(
    'vscode.openWith',
    vscode.Uri.file(real),
    viewTypes.video,
    vscode.ViewColumn.Beside,
  );
}

async function carryOut(run: string, action: DashboardAction, iteration?: number): Promise<void> {
  if (needsTrust(action) && !(await requireTrust())) return;
  if (action === 'config') return openConfig(run);
  const command = action === 'resume' && iteration !== undefined ? 'sage.resumeFrom' : commandOf[action];
  await vscode.commands.executeCommand(command, { run, iteration });
}

function title(run: string, glance: RunGlance | null): string {
  if (glance === null) return run;
  return glance.status === null ? (glance.name ?? run) : `${glance.name ?? run} · ${glance.status}`;
}

/** Fills a panel, new or revived, with the dashboard of a run. */
export function fillDashboard(
  panel: vscode.WebviewPanel,
  run: string,
  { context, engine, runs, log }: PanelServices,
  told: Told,
): Dashboard {
  const { webview } = panel;
  const extension = context.extensionUri;
  let glance = runs.get(run) ?? null;
  let disposed = false;

  async function located(folder: string): Promise<void> {
    const roots = (await mediaRoots(folder)).map((root) => vscode.Uri.file(root));
    if (!disposed) allow(webview, extension, roots);
  }
  const page: DashboardPage = {
    send: (message) => webview.postMessage(message),
    settings: () => ({
      autoplay: autoplay(),
      trusted: vscode.workspace.isTrusted,
      refreshRate: vscode.workspace.getConfiguration('sage').get('dashboard.refreshRate', 5),
    }),
    located: (folder) => void located(folder),
    shown(now) {
      const before = title(run, glance);
      glance = now;
      if (title(run, now) === before && panel.title === before) return;
      panel.title = title(run, now);
      told();
    },
    sources: (folder, videos) => sourcesOf(webview, folder, videos),
    carryOut: (action, iteration) => carryOut(run, action, iteration),
    failed(what, error) {
      const reason = error instanceof Error ? error.message : String(error);
      log.error(`${run}: ${what}: ${reason}`);
      void vscode.window.showErrorMessage(withoutLinks(reason));
    },
    copy,
    save,
    openVideo,
  };
  const session = createDashboardSession(run, { engine, runs, log, observe: observerOf(engine, run) }, page);
  const subscriptions = [
    webview.onDidReceiveMessage(session.receive),
    panel.onDidChangeViewState(() => {
      if (!panel.visible) session.hide();
      told();
    }),
    vscode.workspace.onDidGrantWorkspaceTrust(session.setUp),
    vscode.workspace.onDidChangeConfiguration((change) => {
      if (change.affectsConfiguration('sage.video')) session.setUp();
    }),
    panel.onDidDispose(() => {
      disposed = true;
      session.dispose();
      for (const subscription of subscriptions) subscription.dispose();
    }),
  ];
  panel.title = title(run, glance);
  panel.iconPath = panelIcon(extension, 'dashboard');
  void fill();

  /** A page whose folders are right from the beginning need not be loaded again when the engine names them. */
  async function fill(): Promise<void> {
    const runs = runsFolder(context.extensionPath);
    const folder = glance?.folder ?? (runs === null ? null : path.join(runs, run));
    const roots = folder === null ? [] : await mediaRoots(folder);
    if (disposed) return;
    allow(
      webview,
      extension,
      roots.map((root) => vscode.Uri.file(root)),
    );
    load(webview, extension, 'dashboard', run);
  }
  return {
    run,
    panel,
    show: session.show,
    get status() {
      return glance?.status ?? null;
    },
  };
}
