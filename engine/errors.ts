import type { Advice } from './advice.ts';
import type { ErrorCode } from './error-code.ts';

/** Where in the user's world an error was found. */
export interface ErrorPlace {
  /** File or folder, as the user would name it. */
  file?: string;
  /** 1-based line in `file`. */
  line?: number;
  /** 1-based column in `file`. */
  column?: number;
  /** Config key path such as `exploration.eta`. */
  key?: string;
}

/** Exit codes of the command line. */
export const exitCodes = { done: 0, failed: 1, usage: 2, interrupted: 130 } as const;

/**
 * An error that a person can act on: a stable code, one sentence on what is wrong, one on what to do.
 * Thrown at the boundary where the fault is found, shown at the one where a person stands.
 */
export class SageError extends Error {
  readonly code: ErrorCode;
  readonly remedy: string;
  /** Commands of this program that do what the remedy says. It names none itself, and is whole without them. */
  readonly advice: readonly Advice[];
  readonly place: ErrorPlace;
  readonly exitCode: number;

  constructor(
    code: ErrorCode,
    message: string,
    remedy: string,
    options: { place?: ErrorPlace; advice?: readonly Advice[]; exitCode?: number; cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'SageError';
    this.code = code;
    this.remedy = remedy;
    this.advice = options.advice ?? [];
    this.place = options.place ?? {};
    this.exitCode = options.exitCode ?? exitCodes.failed;
  }
}
