import { DiagnosticSeverity, type Diagnostic, type Range } from 'vscode-languageserver/node';
import type { Asked } from '../../request.ts';
import { coded } from './code.ts';

/** Codes of the library from here on say that it could not load a schema that the text asks for; we never load one. */
const schemaNotLoaded = 0x10000;

/** Whether a text that can be read has something that only the library looks at: a tag, or an anchor without an alias. */
function mayHaveNews(text: string): boolean {
  if (/(?:^|[\s,[{:-])!\S/m.test(text)) return true;
  const anchors = text.matchAll(/(?:^|[\s,[{:-])&([^\s,[\]{}]+)/gm);
  return [...anchors].some(([, name]) => !text.includes(`*${name}`));
}

/**
 * What yaml-language-server sees and our own pass does not. Where a text can be read, our pass checks all that the
 * schema says, and more exactly; where it cannot, the library still checks what stands before the first fault.
 */
export async function libraryDiagnostics({ config, yaml }: Asked, own: readonly Diagnostic[]): Promise<Diagnostic[]> {
  const isRead = config.analysis.tree.value !== undefined;
  // Of such a text it could only say what our pass says, for the price of another.
  if (isRead && !mayHaveNews(config.document.getText())) return [];
  const firstFault = Math.min(...own.map(({ range }) => range.start.line));
  const isNews = ({ source, code, range }: Diagnostic) => {
    if (typeof code === 'number' && code >= schemaNotLoaded) return false;
    if (own.some((known) => overlap(known.range, range))) return false;
    // After a fault, and just before it, the rest is not what was meant.
    return isSyntax(source) || (!isRead && range.end.line < firstFault - 1);
  };
  const found = await yaml.doValidation(config.document, false);
  return found.filter(isNews).map(({ range, severity, source, message }) => ({
    range: withinLine(range),
    severity: isRead ? (Math.max(severity ?? 0, DiagnosticSeverity.Warning) as DiagnosticSeverity) : severity,
    ...coded(isSyntax(source) ? 'config/yaml' : 'config/schema'),
    message: asSentence(typeof message === 'string' ? message : message.value),
  }));
}

const isSyntax = (source: string | undefined) => source === 'YAML';

/** Whether two ranges have a line in common. */
function overlap(a: Range, b: Range): boolean {
  return a.start.line <= b.end.line && b.start.line <= a.end.line;
}

function withinLine(range: Range): Range {
  return range.start.line === range.end.line ? range : { start: range.start, end: range.start };
}

/** The library names a schema by its title, which says nothing here. */
function asSentence(message: string): string {
  const text = message.replaceAll(/\(SAGE-GRPO config\)/g, '');
  return /[.?!]$/.test(text) ? text : `${text}.`;
}
