/** Opens, finds and revives the panels that show runs. What fills them is loaded when the first one opens. */
import * as vscode from 'vscode';
import type { Panels } from '../../studio.ts';
import type { Dashboard } from './dashboard.ts';
import type { PanelServices } from './page.ts';
import { viewTypes } from './view-types.ts';

const bare: vscode.WebviewPanelOptions = { retainContextWhenHidden: false, enableFindWidget: true };

function newPanel(viewType: string, title: string, column = vscode.ViewColumn.Active): vscode.WebviewPanel {
  // Scripts run once the page's own options are set: see `allow`.
  return vscode.window.createWebviewPanel(
    viewType,
    title,
    { viewColumn: column, preserveFocus: column !== vscode.ViewColumn.Active },
    {
      ...bare,
      localResourceRoots: [],
    },
  );
}

/** By each of them VS Code gives a panel back, with the state that its page has kept. */
export type PanelSerializers = Readonly<Record<'dashboard' | 'compare' | 'schedule', vscode.WebviewPanelSerializer>>;

/** Registers the panels. They live until it is disposed; VS Code keeps them over a reload of the window. */
export function createPanels(
  services: PanelServices,
): Panels & vscode.Disposable & { readonly serializers: PanelSerializers } {
  const dashboards = new Map<string, Dashboard>();
  const compares = new Map<string, vscode.WebviewPanel>();
  const schedules = new Map<string, vscode.WebviewPanel>();
  const front = () => [...dashboards.values()].find(({ panel }) => panel.active) ?? null;

  function told(): void {
    const active = front();
    void vscode.commands.executeCommand('setContext', 'sage.dashboardActive', active !== null);
    void vscode.commands.executeCommand('setContext', 'sage.activeRun', active?.run ?? null);
    void vscode.commands.executeCommand('setContext', 'sage.dashboardRun', active?.status ?? null);
  }
  /** One dashboard a run: where there is one, that comes to the front. */
  async function showDashboard(run: string, revived?: vscode.WebviewPanel): Promise<Dashboard> {
    const { fillDashboard } = await import('./dashboard.ts');
    services.runs.watch?.();
    const open = dashboards.get(run);
    if (open !== undefined) {
      revived?.dispose();
      open.panel.reveal();
      return open;
    }
    const panel = revived ?? newPanel(viewTypes.dashboard, run);
    const dashboard = fillDashboard(panel, run, services, told);
    dashboards.set(run, dashboard);
    panel.onDidDispose(() => {
      dashboards.delete(run);
      told();
    });
    told();
    return dashboard;
  }
  async function showCompare(runs: readonly string[], revived?: vscode.WebviewPanel): Promise<void> {
    const { fillCompare } = await import('./compare.ts');
    services.runs.watch?.();
    const key = JSON.stringify(runs);
    const open = compares.get(key);
    if (open !== undefined) {
      revived?.dispose();
      return open.reveal();
    }
    const panel = revived ?? newPanel(viewTypes.compare, vscode.l10n.t('Compare'));
    compares.set(key, panel);
    panel.onDidDispose(() => compares.delete(key));
    fillCompare(panel, runs, services, openDashboard);
  }
  async function showSchedule(config: vscode.Uri, revived?: vscode.WebviewPanel): Promise<void> {
    const { fillSchedule } = await import('./schedule.ts');
    const open = schedules.get(config.toString());
    if (open !== undefined) {
      revived?.dispose();
      return open.reveal(undefined, true);
    }
    const panel = revived ?? newPanel(viewTypes.schedule, vscode.l10n.t('Exploration'), vscode.ViewColumn.Beside);
    schedules.set(config.toString(), panel);
    panel.onDidDispose(() => schedules.delete(config.toString()));
    fillSchedule(config, panel, services);
  }
  const openDashboard: Panels['openDashboard'] = async (run, iteration) => {
    const dashboard = await showDashboard(run);
    if (iteration !== undefined) dashboard.show(iteration);
  };

  const serializers: PanelSerializers = {
    dashboard: {
      async deserializeWebviewPanel(panel, state) {
        const { dashboardState } = await import('../../../webview/contract/dashboard.ts');
        const kept = dashboardState.safeParse(state);
        if (!kept.success) return panel.dispose();
        await showDashboard(kept.data.run, panel);
      },
    },
    compare: {
      async deserializeWebviewPanel(panel, state) {
        const { compareState } = await import('../../../webview/contract/compare.ts');
        const kept = compareState.safeParse(state);
        if (!kept.success) return panel.dispose();
        await showCompare(kept.data.runs, panel);
      },
    },
    schedule: {
      async deserializeWebviewPanel(panel, state) {
        const { scheduleState } = await import('../../../webview/contract/schedule.ts');
        const kept = scheduleState.safeParse(state);
        if (!kept.success) return panel.dispose();
        await showSchedule(vscode.Uri.parse(kept.data.uri), panel);
      },
    },
  };
  const registrations = [
    vscode.window.registerWebviewPanelSerializer(viewTypes.dashboard, serializers.dashboard),
    vscode.window.registerWebviewPanelSerializer(viewTypes.compare, serializers.compare),
    vscode.window.registerWebviewPanelSerializer(viewTypes.schedule, serializers.schedule),
    vscode.window.registerCustomEditorProvider(
      viewTypes.video,
      {
        openCustomDocument: (uri) => ({ uri, dispose: () => {} }),
        async resolveCustomEditor({ uri }, panel) {
          const { fillVideo } = await import('./video.ts');
          fillVideo(uri, panel, services, openDashboard);
        },
      },
      { webviewOptions: bare, supportsMultipleEditorsPerDocument: true },
    ),
    vscode.workspace.registerTextDocumentContentProvider('sage-run', {
      async provideTextDocumentContent(uri) {
        const { runConfig } = await import('./run-config.ts');
        return runConfig(services.engine, uri);
      },
    }),
  ];
  return {
    serializers,
    openDashboard,
    openCompare: (runs) => showCompare(runs),
    openExploration: (config) => showSchedule(config),
    get activeRun() {
      return front()?.run ?? null;
    },
    dispose() {
      // The panels stay: to close them here would close them for good whenever the window is reloaded.
      for (const registration of registrations) registration.dispose();
    },
  };
}
