import * as vscode from 'vscode';
import type { RunKind } from '../../runs/kinds.ts';

const icons: Record<RunKind, [icon: string, color?: string]> = {
  running: ['sync~spin', 'charts.blue'],
  paused: ['debug-pause', 'charts.yellow'],
  stopped: ['debug-stop'],
  finished: ['pass', 'testing.iconPassed'],
  failed: ['error', 'testing.iconFailed'],
  crashed: ['warning', 'list.warningForeground'],
  broken: ['circle-slash', 'list.errorForeground'],
};

/** Shape and colour each tell the status. */
export function iconOf(kind: RunKind): vscode.ThemeIcon {
  const [icon, color] = icons[kind];
  return new vscode.ThemeIcon(icon, color === undefined ? undefined : new vscode.ThemeColor(color));
}
