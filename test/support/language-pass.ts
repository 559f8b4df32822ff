import type { Position } from 'vscode-languageserver/node';
import { codeActions } from '../../src/language/server/features/actions.ts';
import { complete } from '../../src/language/server/features/completion.ts';
import { diagnostics } from '../../src/language/server/features/diagnostics.ts';
import { inlayHints } from '../../src/language/server/features/hints.ts';
import { hover } from '../../src/language/server/features/hover.ts';
import { codeLenses } from '../../src/language/server/features/lens.ts';
import { prepareRename, references, rename } from '../../src/language/server/features/structure/anchors.ts';
import { definition, links } from '../../src/language/server/features/structure/links.ts';
import {
  foldingRanges,
  format,
  selectionRanges,
  symbols,
} from '../../src/language/server/features/structure/outline.ts';
import { semanticTokens } from '../../src/language/server/features/tokens.ts';
import type { Asked } from '../../src/language/server/request.ts';

/** Everything that an editor may ask of a text, at a position of it, by name. */
export const features: Record<string, (asked: Asked, at: Position) => unknown> = {
  diagnostics: (asked) => diagnostics(asked),
  completion: complete,
  hover,
  lens: (asked) => codeLenses(asked),
  hints: (asked) => inlayHints(asked, whole(asked)),
  tokens: (asked) => semanticTokens(asked),
  async actions(asked, at) {
    const textDocument = { uri: asked.config.document.uri };
    const found = await diagnostics(asked);
    return codeActions(asked, { textDocument, range: { start: at, end: at }, context: { diagnostics: found } });
  },
  symbols: (asked) => symbols(asked),
  folding: (asked) => foldingRanges(asked),
  selection: (asked, at) => selectionRanges(asked, [at]),
  format: (asked) => format(asked),
  links: (asked) => links(asked),
  definition,
  references: (asked, at) => references(asked, at, true),
  rename: (asked, at) => prepareRename(asked, at) && rename(asked, at, 'renamed-by-the-test'),
};

function whole({ config: { document } }: Asked) {
  return { start: { line: 0, character: 0 }, end: document.positionAt(document.getText().length) };
}
