import type {
  DocumentLink,
  DocumentSymbol,
  FoldingRange,
  Location,
  LocationLink,
  Position,
  Range,
  SelectionRange,
  TextEdit,
  WorkspaceEdit,
} from 'vscode-languageserver/node';
import type { Asked } from '../request.ts';

export function symbols({ yaml, config }: Asked): DocumentSymbol[] {
  return config.readable ? yaml.findDocumentSymbols2(config.document) : [];
}

export function foldingRanges({ yaml, config }: Asked): FoldingRange[] {
  return config.readable ? (yaml.getFoldingRanges(config.document, {}) ?? []) : [];
}

export function selectionRanges({ yaml, config }: Asked, at: Position[]): SelectionRange[] {
  return config.readable ? yaml.getSelectionRanges(config.document, at) : [];
}

export async function format({ yaml, config }: Asked): Promise<TextEdit[]> {
  return config.readable ? yaml.doFormat(config.document, {}) : [];
}

/** Files that the config names, and sections of the paper. */
export async function links(_asked: Asked): Promise<DocumentLink[]> {
  return [];
}

/** An alias leads to its anchor, a preset to its file. */
export function definition(_asked: Asked, _at: Position): LocationLink[] {
  return [];
}

/** Uses of the anchor at a position. */
export function references(_asked: Asked, _at: Position): Location[] {
  return [];
}

export function prepareRename({ yaml, config }: Asked, position: Position): Range | null {
  return config.readable ? yaml.prepareRename(config.document, { textDocument: config.document, position }) : null;
}

export function rename({ yaml, config }: Asked, position: Position, newName: string): WorkspaceEdit | null {
  return config.readable ? yaml.doRename(config.document, { textDocument: config.document, position, newName }) : null;
}
