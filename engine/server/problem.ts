import { ConfigError } from '../config/diagnostics.ts';
import { SageError } from '../errors.ts';
import type { Problem } from '../protocol.ts';

/** A problem that another process reported. */
export class ReportedProblem extends SageError {
  readonly problem: Problem;

  constructor(problem: Problem) {
    super(problem.code, problem.message, problem.remedy, { place: problem.place });
    this.problem = problem;
  }
}

/** An error as it crosses to the editor: code, remedy and place, and every finding of a config. Without a stack. */
export function problemOf(error: unknown): Problem {
  if (error instanceof ReportedProblem) return error.problem;
  if (error instanceof SageError) {
    const { code, message, remedy, place } = error;
    return {
      code,
      message,
      remedy,
      place,
      ...(error instanceof ConfigError ? { diagnostics: error.diagnostics } : {}),
    };
  }
  const message = error instanceof Error ? error.message : String(error);
  return {
    code: 'internal/error',
    message,
    remedy: 'Please report this text; the log of the engine has more.',
    place: {},
  };
}
