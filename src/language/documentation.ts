/** The way from a finding to its place in docs/diagnostics.md. */
import { readFileSync } from 'node:fs';
import type * as vscode from 'vscode';

interface Explained {
  code: { value: string | number; target: vscode.Uri };
}

function isExplained(diagnostic: vscode.Diagnostic): diagnostic is vscode.Diagnostic & Explained {
  return typeof diagnostic.code === 'object' && diagnostic.code.target.scheme === 'file';
}

/** Lines of the headings of a page, by their titles. */
const headings = new Map<string, Map<string, number>>();

function lineOf(file: string, title: string): number | undefined {
  if (!headings.has(file)) {
    const lines = readFileSync(file, 'utf8').split('\n');
    const found = lines.flatMap((line, i) =>
      line.startsWith('#') ? [[line.replace(/^#+\s*/, ''), i + 1] as const] : [],
    );
    headings.set(file, new Map(found));
  }
  return headings.get(file)!.get(title);
}

/** The server names a heading; a link that the editor follows to a file has the line. */
export function withLine(diagnostic: vscode.Diagnostic): vscode.Diagnostic {
  if (!isExplained(diagnostic)) return diagnostic;
  const { value, target } = diagnostic.code;
  const line = lineOf(target.fsPath, String(value));
  if (line !== undefined) diagnostic.code = { value, target: target.with({ fragment: `L${line}` }) };
  return diagnostic;
}
