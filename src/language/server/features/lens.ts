import type { CodeLens } from 'vscode-languageserver/node';
import type { Asked } from '../request.ts';

/** What can be done with the config, and its runs, above its first line. */
export async function codeLenses(_asked: Asked): Promise<CodeLens[]> {
  return [];
}
