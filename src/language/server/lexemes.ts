import { Lexer } from 'yaml';
import type { ConfigText } from './config-text.ts';

/** What the lexer adds to the text: marks of documents, of scalars and of errors in flow style. */
const added = new Set(['\u0002', '\u0018', '\u001f']);

/** The smallest pieces of a config's text, in order, with where they begin: `&anchor`, `# comment`, `:`, space, … */
export function* lexemes({ document, readable }: ConfigText): Generator<{ text: string; offset: number }> {
  if (!readable) return;
  let offset = 0;
  for (const text of new Lexer().lex(document.getText())) {
    if (added.has(text)) continue;
    yield { text, offset };
    offset += text.length;
  }
}
