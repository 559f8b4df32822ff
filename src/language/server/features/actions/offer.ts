import type { Command, Diagnostic, Range } from 'vscode-languageserver/node';
import type { Splice } from '../edits/draft.ts';

/** One thing that can be done to a config. */
export interface Offer {
  title: string;
  kind: string;
  isPreferred?: boolean;
  /** What it puts right. */
  diagnostics?: Diagnostic[];
  /** The changes, where they are known already. */
  splices?: Splice[];
  /** What the editor does, where the config stays as it is. */
  command?: Command;
  /** Else what will be done, and to what. */
  deed?: readonly [name: string, argument: string];
}

/** Whether two ranges touch. */
export function touch(a: Range, b: Range): boolean {
  const isBefore = (end: Range['end'], start: Range['start']) =>
    end.line < start.line || (end.line === start.line && end.character < start.character);
  return !isBefore(a.end, b.start) && !isBefore(b.end, a.start);
}
