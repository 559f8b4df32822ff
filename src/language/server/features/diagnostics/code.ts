import path from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Diagnostic } from 'vscode-languageserver/node';
import { packageRoot } from '../../../../../engine/package-root.ts';

/** The heading of a code in docs/diagnostics.md. */
const anchorOf = (code: string) => code.replace(/[^a-z0-9-]/g, '');

let page: string | undefined;

/** What every finding says about itself: one source, a stable code, and where the code is explained. */
export function coded(code: string): Pick<Diagnostic, 'source' | 'code' | 'codeDescription'> {
  page ??= pathToFileURL(path.join(packageRoot(), 'docs', 'diagnostics.md')).href;
  return { source: 'sage', code, codeDescription: { href: `${page}#${anchorOf(code)}` } };
}
