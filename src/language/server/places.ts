import type { Position, Range } from 'vscode-languageserver/node';
import { keyAt, type KeyInfo } from '../../../engine/config/walk.ts';
import type { Place } from '../../../engine/config/tree.ts';
import type { ConfigText } from './config-text.ts';

/** A place of the engine (1-based) as a range of the protocol (0-based). */
export function rangeOf({ line, column, endLine, endColumn }: Place): Range {
  return {
    start: { line: line - 1, character: column - 1 },
    end: { line: endLine - 1, character: endColumn - 1 },
  };
}

export function contains({ start, end }: Range, at: Position): boolean {
  const after = at.line > start.line || (at.line === start.line && at.character >= start.character);
  const before = at.line < end.line || (at.line === end.line && at.character <= end.character);
  return after && before;
}

/** The part of a config that stands at a position. */
export interface Written {
  /** Dotted, such as `exploration.eta`. */
  path: string;
  part: 'key' | 'value';
  range: Range;
  /** What the schema knows of it; null for a key that it lacks, and for what is in a list. */
  info: KeyInfo | null;
}

/** The innermost key or value at a position; null between them. */
export function writtenAt({ analysis }: ConfigText, at: Position): Written | null {
  let found: Written | null = null;
  const consider = (path: string, part: Written['part'], place: Place | null) => {
    if (place === null || place.flag !== undefined) return;
    const range = rangeOf(place);
    if (contains(range, at) && (found === null || !smaller(found.range, range)))
      found = { path, part, range, info: keyAt(path) };
  };
  for (const [path, { key, value }] of analysis.tree.places) {
    consider(path, 'value', value);
    consider(path, 'key', key);
  }
  return found;
}

/** Whether the first range lies strictly inside the second. */
function smaller(inner: Range, outer: Range): boolean {
  const inside = contains(outer, inner.start) && contains(outer, inner.end);
  const same = contains(inner, outer.start) && contains(inner, outer.end);
  return inside && !same;
}
