import * as vscode from 'vscode';
import type { RunGlance } from '../../engine/protocol.ts';
import type { Studio } from '../studio.ts';

/** What commands work with. */
export interface CommandContext extends Studio {
  /** Has the runs kept up to date from now on. */
  watchRuns(): void;
  /** Reads all runs anew. */
  refreshRuns(): void;
  /** What the tree of runs is filtered by; empty for no filter. */
  readonly runFilter: { get(): string; set(filter: string): void };
}

/** A command: takes what a menu, a keybinding or other code gives it. What it resolves to is given to other code. */
export type Handler = (context: CommandContext, argument: unknown, selection: unknown) => Promise<unknown>;

/** All runs, newest first; watched from now on. */
export async function knownRuns(context: CommandContext): Promise<readonly RunGlance[]> {
  context.watchRuns();
  return context.runs.all ?? (await context.engine.request('runs/list', {})).runs;
}

/** A run as it was last seen. */
export async function findRun(context: CommandContext, id: string): Promise<RunGlance | undefined> {
  return context.runs.get(id) ?? (await knownRuns(context)).find((run) => run.id === id);
}

/** The same; says so when there is no such run. */
export async function requireRun(context: CommandContext, id: string): Promise<RunGlance | undefined> {
  const found = await findRun(context, id);
  if (found === undefined) void vscode.window.showWarningMessage(vscode.l10n.t('There is no run {0} any more.', id));
  return found;
}

/** Whether the workspace is trusted; says what that means when it is not. */
export async function requireTrust(): Promise<boolean> {
  if (vscode.workspace.isTrusted) return true;
  const manage = vscode.l10n.t('Manage Workspace Trust');
  const text = vscode.l10n.t(
    'This workspace is in Restricted Mode: runs can be viewed, but nothing is launched, steered or deleted. Trust it to go on.',
  );
  if ((await vscode.window.showWarningMessage(text, manage)) === manage)
    await vscode.commands.executeCommand('workbench.trust.manage');
  return false;
}

/** Asks in a modal dialog; `action` is what its button says. */
export async function confirm(message: string, detail: string, action: string): Promise<boolean> {
  return (await vscode.window.showWarningMessage(message, { modal: true, detail }, action)) === action;
}

export function setting<T>(name: string, otherwise: T): T {
  return vscode.workspace.getConfiguration('sage').get(name, otherwise);
}
