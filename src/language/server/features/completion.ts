import type { CompletionItem, Position } from 'vscode-languageserver/node';
import type { Asked } from '../request.ts';

/** What can be written at a position. */
export async function complete({ yaml, config }: Asked, at: Position): Promise<CompletionItem[]> {
  if (!config.readable) return [];
  return (await yaml.doComplete(config.document, at, false)).items;
}
