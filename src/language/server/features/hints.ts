import type { InlayHint, Range } from 'vscode-languageserver/node';
import type { Asked } from '../request.ts';

/** What follows from the config, beside the keys that it follows from. */
export function inlayHints(_asked: Asked, _range: Range): InlayHint[] {
  return [];
}
