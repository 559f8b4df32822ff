import type { Diagnostic } from 'vscode-languageserver/node';
import type { Asked } from '../request.ts';
import { libraryDiagnostics } from './diagnostics/library.ts';
import { ownDiagnostics } from './diagnostics/own.ts';

/** Everything that is wrong with the config: what its rules say, and what yaml-language-server alone sees. */
export async function diagnostics(asked: Asked): Promise<Diagnostic[]> {
  const own = ownDiagnostics(asked.config);
  // What was typed meanwhile comes first, and may make this one stale.
  await new Promise<void>((resolve) => void setImmediate(resolve));
  if (!asked.config.readable || asked.token.isCancellationRequested) return own;
  return [...own, ...(await libraryDiagnostics(asked, own))];
}
