/** What follows from the shape of the text alone: by yaml-language-server, put right where it goes astray. */
import type { DocumentSymbol, FoldingRange, Position, SelectionRange, TextEdit } from 'vscode-languageserver/node';
import { contains } from '../../places.ts';
import type { Asked } from '../../request.ts';

export function symbols({ yaml, config }: Asked): DocumentSymbol[] {
  return config.readable ? yaml.findDocumentSymbols2(config.document) : [];
}

export function foldingRanges({ yaml, config }: Asked): FoldingRange[] {
  if (!config.readable) return [];
  const ranges = yaml.getFoldingRanges(config.document, {}) ?? [];
  return ranges.filter(({ startLine, endLine }) => endLine > startLine);
}

/** From the word to the whole file. */
export function selectionRanges({ yaml, config }: Asked, at: Position[]): SelectionRange[] {
  if (!config.readable) return [];
  return yaml.getSelectionRanges(config.document, at).map(nested);
}

/** Without the parents that do not hold their children: an alias leads the library out of the place. */
function nested({ range, parent }: SelectionRange): SelectionRange {
  let next = parent;
  while (next && !(contains(next.range, range.start) && contains(next.range, range.end))) next = next.parent;
  return next ? { range, parent: nested(next) } : { range };
}

/** Indents, spaces and breaks as the presets do; comments stay where they are. */
export async function format({ yaml, config }: Asked): Promise<TextEdit[]> {
  const broken = config.syntax === null || config.syntax.root.errors.length > 0;
  // Of what cannot be parsed nobody knows the shape.
  return broken ? [] : yaml.doFormat(config.document, { printWidth: 120 });
}
