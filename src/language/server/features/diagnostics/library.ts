import { DiagnosticSeverity, type Diagnostic, type Range } from 'vscode-languageserver/node';
import type { Asked } from '../../request.ts';
import { coded } from './code.ts';

/** Codes of the library from here on say that it could not load a schema that the text asks for; we never load one. */
const schemaNotLoaded = 0x10000;

/** More are a slip or an attack. */
const mostAliases = 200;

/** Whether a text that can be read has something that only the library looks at: a tag, or an anchor without an alias. */
function mayHaveNews(text: string): boolean {
  if (/(?:^|[\s,[{:-])!\S/m.test(text)) return true;
  const aliases = new Set(Array.from(text.matchAll(/\*([^\s,[\]{}]+)/g), ([, name]) => name));
  const anchors = text.matchAll(/(?:^|[\s,[{:-])&([^\s,[\]{}]+)/gm);
  return Array.from(anchors).some(([, name]) => !aliases.has(name));
}

/**
 * What yaml-language-server sees and our own pass does not. Where a text can be read, our pass checks all that the
 * schema says, and more exactly; where it cannot, the library still checks what stands before the first fault.
 */
export async function libraryDiagnostics({ config, yaml }: Asked, own: readonly Diagnostic[]): Promise<Diagnostic[]> {
  const isRead = config.analysis.tree.value !== undefined;
  const text = config.document.getText();
  // It looks for the anchor of each alias from the start of the text.
  if ((text.match(/(?:^|[\s,[{:-])\*\S/gm)?.length ?? 0) > mostAliases) return [];
  // Of such a text it could only say what our pass says, for the price of another.
  if (isRead && !mayHaveNews(text)) return [];
  const lines = own.map((known) => known.range.start.line).sort((a, b) => a - b);
  const isCovered = ({ start, end }: Range) => {
    const next = lines[firstAtLeast(lines, start.line)];
    return next !== undefined && next <= end.line;
  };
  const isNews = ({ source, code, range }: Diagnostic) => {
    if (typeof code === 'number' && code >= schemaNotLoaded) return false;
    if (isCovered(range)) return false;
    // After a fault, and just before it, the rest is not what was meant.
    return isSyntax(source) || (!isRead && range.end.line < (lines[0] ?? Infinity) - 1);
  };
  // Where the library itself fails, what our pass found is still told.
  const found = await yaml.doValidation(config.document, false).catch((): Diagnostic[] => []);
  return found.filter(isNews).map(({ range, severity, source, message }) => ({
    range: withinLine(range),
    severity: isRead ? (Math.max(severity ?? 0, DiagnosticSeverity.Warning) as DiagnosticSeverity) : severity,
    ...coded(isSyntax(source) ? 'config/yaml' : 'config/schema'),
    message: asSentence(typeof message === 'string' ? message : message.value),
  }));
}

const isSyntax = (source: string | undefined) => source === 'YAML';

/** Index of the first of ascending numbers that is not below another. */
function firstAtLeast(numbers: readonly number[], least: number): number {
  let [low, high] = [0, numbers.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (numbers[middle] < least) low = middle + 1;
    else high = middle;
  }
  return low;
}

function withinLine(range: Range): Range {
  return range.start.line === range.end.line ? range : { start: range.start, end: range.start };
}

/** The library names a schema by its title, which says nothing here. */
function asSentence(message: string): string {
  const text = message.replaceAll(/\(SAGE-GRPO config\)/g, '');
  return /[.?!]$/.test(text) ? text : `${text}.`;
}
