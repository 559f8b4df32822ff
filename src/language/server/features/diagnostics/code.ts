import path from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Diagnostic } from 'vscode-languageserver/node';
import { docsAnchor } from '../../../../../engine/config/codes.ts';
import { packageRoot } from '../../../../../engine/package-root.ts';

/** The page of docs/ that explains codes. */
export const docsPage = 'diagnostics.md';

let page: string | undefined;

/** What every finding says about itself: one source, a stable code, and where the code is explained. */
export function coded(code: string): Pick<Diagnostic, 'source' | 'code' | 'codeDescription'> {
  page ??= pathToFileURL(path.join(packageRoot(), 'docs', docsPage)).href;
  const anchor = docsAnchor(code);
  return { source: 'sage', code, ...(anchor === null ? {} : { codeDescription: { href: `${page}#${anchor}` } }) };
}
