import * as vscode from 'vscode';
import { problemText } from '../problems.ts';
import { tooltipOf } from '../runs/describe.ts';
import { statusLine } from '../runs/status.ts';
import type { Studio } from '../studio.ts';

type Shown = Pick<Studio, 'engine' | 'runs' | 'panels'>;

function showRun(item: vscode.StatusBarItem, { runs, panels }: Shown): void {
  const line = statusLine(runs.all ?? [], panels.activeRun, vscode.l10n);
  const run = line && runs.get(line.run);
  if (!line || !run) return item.hide();
  item.text = `$(pulse) ${line.text.replaceAll('$(', '$ (')}`;
  const tooltip = new vscode.MarkdownString(tooltipOf(run, Date.now(), vscode.l10n));
  item.tooltip = tooltip;
  item.accessibilityInformation = { label: line.label, role: 'button' };
  const title = vscode.l10n.t('Open Dashboard');
  item.command = { command: 'sage.openDashboard', title, arguments: [line.run] };
  item.show();
}

function showEngine(item: vscode.StatusBarItem, { engine }: Shown): void {
  const { state } = engine;
  if (state.kind !== 'crashed' && state.kind !== 'backoff') return item.hide();
  const text = state.kind === 'crashed' ? vscode.l10n.t('SAGE engine stopped') : vscode.l10n.t('SAGE engine restarts');
  item.text = `$(warning) ${text}`;
  item.tooltip = `${problemText(state.problem)}\n${vscode.l10n.t('Trainers go on without it. Click for its log.')}`;
  item.accessibilityInformation = { label: `${text}. ${problemText(state.problem)}`, role: 'button' };
  item.show();
}

/** The active run, and the engine when it is in trouble, in the status bar. Nothing when nothing runs. */
export function createStatusBar(shown: Shown): vscode.Disposable & { refresh(): void } {
  const run = vscode.window.createStatusBarItem('sage.run', vscode.StatusBarAlignment.Left, 20);
  run.name = vscode.l10n.t('SAGE Run');
  const engine = vscode.window.createStatusBarItem('sage.engine', vscode.StatusBarAlignment.Left, 19);
  engine.name = vscode.l10n.t('SAGE Engine');
  engine.command = 'sage.showEngineLog';
  engine.backgroundColor = new vscode.ThemeColor('statusBarItem.warningBackground');
  const refresh = () => {
    showRun(run, shown);
    showEngine(engine, shown);
  };
  const parts = [
    ...[run, engine, shown.runs.onChange(refresh), shown.engine.onState(refresh)],
    // Another dashboard may be in front.
    vscode.window.tabGroups.onDidChangeTabs(refresh),
  ];
  return { refresh, dispose: () => parts.forEach((part) => part.dispose()) };
}
