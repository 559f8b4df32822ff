import type { CodeActionContext, Diagnostic } from 'vscode-languageserver/node';
import { docsAnchor } from '../../../../../engine/config/codes.ts';
import { docsPage } from '../diagnostics/code.ts';
import type { Offer } from './offer.ts';

/** For each code among the findings that the editor asks about, an action that shows what it means. */
export function explanations({ diagnostics }: CodeActionContext): Offer[] {
  const byCode = new Map<string, Diagnostic[]>();
  for (const diagnostic of diagnostics) {
    const code = String(diagnostic.code);
    if (diagnostic.source === 'sage' && docsAnchor(code) !== null)
      byCode.set(code, [...(byCode.get(code) ?? []), diagnostic]);
  }
  return [...byCode].map(([code, explained]) => {
    const title = `Explain ${code}`;
    const command = { title, command: 'sage.openDocumentation', arguments: [docsPage, docsAnchor(code)] };
    return { title, kind: 'quickfix', diagnostics: explained, command };
  });
}
