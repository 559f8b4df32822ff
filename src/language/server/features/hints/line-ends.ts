import type { Position } from 'vscode-languageserver/node';
import type { ConfigText } from '../../config-text.ts';

/** The end of what is written on a line (0-based), without blanks after it. */
export function lineEnd({ document }: ConfigText, line: number): Position {
  const text = document.getText({ start: { line, character: 0 }, end: { line: line + 1, character: 0 } });
  return { line, character: text.trimEnd().length };
}

/** The line (0-based) on which a key stands itself, not by an alias or a flag; null where it is not written. */
export function keyLine({ analysis }: ConfigText, path: string): number | null {
  const key = analysis.tree.places.get(path)?.key ?? null;
  return key === null || key.flag !== undefined ? null : key.line - 1;
}
