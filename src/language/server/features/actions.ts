import type { CodeAction, CodeActionParams } from 'vscode-languageserver/node';
import type { Asked } from '../request.ts';

/** What can be put right or rearranged in a range. */
export async function codeActions(_asked: Asked, _params: CodeActionParams): Promise<CodeAction[]> {
  return [];
}
