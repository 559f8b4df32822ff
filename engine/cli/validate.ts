import { ConfigError, formatDiagnostic, loadConfig, type Diagnostic } from '../config/load.ts';
import { exitCodes } from '../errors.ts';

/** Checks a config and prints what is wrong with it. Returns the exit code. */
export function validateCommand(file: string, options: { set: string[]; json: boolean }): number {
  const diagnostics = diagnose(file, options.set);
  const failed = diagnostics.some(({ severity }) => severity === 'error');
  if (options.json) {
    const printed = diagnostics.map(
      ({ severity, code, message, remedy, path, line, column, endLine, endColumn, fixes }) => ({
        severity,
        code,
        message,
        path,
        line,
        column,
        endLine,
        endColumn,
        remedy,
        fixes,
      }),
    );
    process.stdout.write(`${JSON.stringify(printed, null, 2)}\n`);
  } else {
    for (const diagnostic of diagnostics) process.stdout.write(`${formatDiagnostic(diagnostic, file)}\n`);
    if (!failed) process.stdout.write(`${file} is valid.\n`);
  }
  return failed ? exitCodes.usage : exitCodes.done;
}

function diagnose(file: string, overrides: readonly string[]): Diagnostic[] {
  try {
    return loadConfig(file, overrides).diagnostics;
  } catch (error) {
    if (error instanceof ConfigError) return error.diagnostics;
    throw error;
  }
}
