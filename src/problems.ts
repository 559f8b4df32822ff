import * as vscode from 'vscode';
import type { Problem } from '../engine/protocol.ts';
import { withoutLinks } from './runs/links.ts';
import { commandOf, inEditor } from './engine/advice.ts';
import { isCancelled, problemOf as problemOfAny } from './engine/problems.ts';

/** What an error says and what to do about it; null when it is no more than a cancellation. */
export function problemOf(error: unknown): Problem | null {
  const cancelled =
    error instanceof vscode.CancellationError || (error instanceof Error && error.name === 'AbortError');
  return cancelled || isCancelled(error) ? null : problemOfAny(error);
}

/** What is wrong and what to do, in one line. It may repeat what a file says, so nothing in it is a link. */
export function problemText(problem: Pick<Problem, 'message' | 'remedy' | 'advice'>): string {
  const { message, remedy } = inEditor(problem);
  return withoutLinks([message, remedy].filter(Boolean).join(' '));
}

/** Opens a file with the cursor at a place; line and column count from 1. */
export async function openAt(file: vscode.Uri, line = 1, column = 1): Promise<void> {
  const position = new vscode.Position(Math.max(0, line - 1), Math.max(0, column - 1));
  const selection = new vscode.Range(position, position);
  await vscode.window.showTextDocument(file, { selection, preview: false });
}

/** Shows what went wrong with what to do about it: buttons for what is advised, and a way to the place or to the engine's log. */
export async function showProblem(problem: Problem, log: vscode.LogOutputChannel): Promise<void> {
  log.error(`${problem.code}: ${problemText(problem)}`);
  const { message, remedy, place, advice = [] } = problem;
  const { file, line, column } = place;
  const advised = advice.map(commandOf).map((command) => ({ ...command, title: vscode.l10n.t(command.title) }));
  const open = vscode.l10n.t('Open');
  const showLog = vscode.l10n.t('Show Log');
  const action = file === undefined ? showLog : open;
  const titles = advised.map(({ title }) => title);
  const chosen = await vscode.window.showErrorMessage(problemText({ message, remedy }), ...titles, action);
  const command = advised.find(({ title }) => title === chosen);
  if (command) await vscode.commands.executeCommand(command.id, command.argument);
  else if (chosen === showLog) log.show(true);
  else if (chosen === open && file !== undefined) await openAt(vscode.Uri.file(file), line, column);
}
