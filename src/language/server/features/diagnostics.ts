import { DiagnosticSeverity, type Diagnostic } from 'vscode-languageserver/node';
import { rangeOf } from '../places.ts';
import type { Asked } from '../request.ts';

/** Everything that is wrong with the config. */
export async function diagnostics({ config }: Asked): Promise<Diagnostic[]> {
  return config.analysis.diagnostics.map(({ severity, code, message, remedy, ...place }) => ({
    range: rangeOf(place),
    severity: severity === 'error' ? DiagnosticSeverity.Error : DiagnosticSeverity.Warning,
    ...{ code, source: 'sage' },
    message: `${message} ${remedy}`,
  }));
}
