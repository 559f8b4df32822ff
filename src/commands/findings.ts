import * as vscode from 'vscode';
import type { Diagnostic } from '../../engine/protocol.ts';
import { openAt, problemText } from '../problems.ts';
import { withoutLinks } from '../runs/links.ts';

function toDiagnostic(found: Diagnostic): vscode.Diagnostic {
  const { line, column, endLine, endColumn, severity } = found;
  const at = (value: number) => Math.max(0, value - 1);
  const range = new vscode.Range(at(line), at(column), at(endLine), at(endColumn));
  const { Error, Warning } = vscode.DiagnosticSeverity;
  const diagnostic = new vscode.Diagnostic(range, problemText(found), severity === 'error' ? Error : Warning);
  diagnostic.source = 'sage';
  diagnostic.code = found.code;
  return diagnostic;
}

/** Puts the findings of a config beside its lines, in place of those before. */
export function setFindings(
  collection: vscode.DiagnosticCollection,
  file: vscode.Uri,
  found: readonly Diagnostic[],
): void {
  const inFile = found.filter(({ flag }) => flag === undefined).map(toDiagnostic);
  if (inFile.length === 0) collection.delete(file);
  else collection.set(file, inFile);
}

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
