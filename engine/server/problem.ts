import path from 'node:path';
import type { Advice } from '../advice.ts';
import { ConfigError } from '../config/diagnostics.ts';
import { SageError } from '../errors.ts';
import type { Problem } from '../protocol.ts';

/** A problem that another process reported. */
export class ReportedProblem extends SageError {
  readonly problem: Problem;

  constructor(problem: Problem) {
    super(problem.code, problem.message, problem.remedy, { place: problem.place, advice: problem.advice });
    this.problem = problem;
  }
}

/** Runs cross by their ids. */
function onRunId(advice: Advice): Advice {
  return 'run' in advice ? { ...advice, run: path.basename(advice.run) } : advice;
}

/** An error as it crosses to the editor: code, remedy and place, and every finding of a config. Without a stack. */
export function problemOf(error: unknown): Problem {
  if (error instanceof ReportedProblem) return error.problem;
  if (error instanceof SageError) {
    const { code, message, remedy, advice, place } = error;
    return {
      code,
      message,
      remedy,
      ...(advice.length > 0 ? { advice: advice.map(onRunId) } : {}),
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
