import * as vscode from 'vscode';
import type { Diagnostic } from '../../engine/protocol.ts';
import { openAt, problemText } from '../problems.ts';
import { withoutLinks } from '../runs/links.ts';

/** Says why a config cannot be run: the first error with its place, and how many more there are. */
export async function showErrors(file: vscode.Uri, errors: readonly Diagnostic[]): Promise<void> {
  const [first] = errors;
  const name = file.path.split('/').at(-1)!;
  const place = withoutLinks(first.flag ?? `${name}:${first.line}:${first.column}`);
  const more = errors.length > 1 ? ` ${vscode.l10n.t('({0} more errors)', errors.length - 1)}` : '';
  const open = vscode.l10n.t('Open');
  const all = vscode.l10n.t('Show All');
  const actions = errors.length > 1 ? [open, all] : [open];
  const chosen = await vscode.window.showErrorMessage(`${place}: ${problemText(first)}${more}`, ...actions);
  if (chosen === undefined) return;
  await openAt(file, first.line, first.column);
  if (chosen === all) await vscode.commands.executeCommand('workbench.actions.view.problems');
}
