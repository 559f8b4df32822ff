import type { ErrorCode } from '../error-code.ts';
import { exitCodes, SageError } from '../errors.ts';

/** One change of a config, by dotted paths. */
export type Edit =
  /** Writes a value at a path, and the blocks above it where they are missing. */
  | { kind: 'set'; path: string; value: unknown }
  /** Calls a key otherwise, within its block. */
  | { kind: 'rename'; path: string; name: string }
  /** Takes a key with its value to another path. */
  | { kind: 'move'; path: string; to: string }
  | { kind: 'remove'; path: string };

/** A way to put something right. */
export interface Fix {
  /** What it does, such as "Set training.micro_batch to 8". */
  title: string;
  /** Done together. */
  edits: Edit[];
  /** The most likely one, which needs no choice; at most one of a diagnostic. */
  preferred?: boolean;
}

/** One thing that is wrong with a config, where it is and what to write instead. */
export interface Diagnostic {
  severity: 'error' | 'warning';
  /** Stable, such as `config/unknown-key`; each has its place in docs/diagnostics.md. */
  code: ErrorCode;
  message: string;
  remedy: string;
  /** What the remedy says, so that an editor can do it; the most likely first. */
  fixes?: Fix[];
  /** Dotted path of the key, such as `exploration.eta`; empty for the file as a whole. */
  path: string;
  /** 1-based, of the first character; `endColumn` is one past the last. */
  line: number;
  column: number;
  endLine: number;
  endColumn: number;
  /** Set when the place is not in the file but in a `--set` flag: the flag's text, which `column` counts in. */
  flag?: string;
}

/** A config that cannot be run. Carries every diagnostic, errors first in the order of the file. */
export class ConfigError extends SageError {
  readonly diagnostics: Diagnostic[];
  readonly file: string;

  constructor(file: string, diagnostics: Diagnostic[]) {
    const errors = diagnostics.filter((d) => d.severity === 'error');
    const first = errors[0];
    const more = errors.length > 1 ? ` (and ${errors.length - 1} more)` : '';
    super(first.code, `${first.message}${more}`, first.remedy, {
      exitCode: exitCodes.usage,
      place: { file, line: first.line, column: first.column, key: first.path },
    });
    this.name = 'ConfigError';
    this.file = file;
    this.diagnostics = diagnostics;
  }
}

/** Order of the file, flags last; at one place errors come before warnings. */
export function sortDiagnostics(diagnostics: Diagnostic[]): Diagnostic[] {
  const rank = (d: Diagnostic) => [Number(d.flag !== undefined), d.line, d.column, Number(d.severity === 'warning')];
  return diagnostics.toSorted((a, b) => {
    const [first, second] = [rank(a), rank(b)];
    const at = first.findIndex((value, i) => value !== second[i]);
    return at < 0 ? 0 : first[at] - second[at];
  });
}

/**
 * One diagnostic as text: `file:line:column: error: message` and, indented under it, the remedy and the code.
 * A diagnostic of a flag names the flag in place of the file.
 */
export function formatDiagnostic(diagnostic: Diagnostic, file: string): string {
  const { flag, line, column, severity, message, remedy, code } = diagnostic;
  const place = flag === undefined ? `${file}:${line}:${column}` : `--set ${flag}`;
  return `${place}: ${severity}: ${message}\n    ${remedy} [${code}]`;
}
