import type { Hover, Position } from 'vscode-languageserver/node';
import type { Asked } from '../request.ts';

/** What a key does, and what its value does here. */
export async function hover({ yaml, config }: Asked, at: Position): Promise<Hover | null> {
  return config.readable ? yaml.doHover(config.document, at) : null;
}
