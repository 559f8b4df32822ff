import { fileURLToPath } from 'node:url';
import { TextDocument } from 'vscode-languageserver-textdocument';
import { LineCounter, parseDocument, type Document } from 'yaml';
import { analyseText, type ConfigAnalysis } from '../../../engine/config/analyse.ts';

/** One version of a config in an editor, and what follows from its text; each is computed when it is first asked for. */
export interface ConfigText {
  /** The text as it was when it was read. Its version is its own: no two texts share one, which a cache may rely on. */
  readonly document: TextDocument;
  /** The editor's number of it. */
  readonly version: number;
  /** Path of its file; null for one that has none, or none on this machine. */
  readonly file: string | null;
  readonly analysis: ConfigAnalysis;
  /** Its syntax tree, and where lines begin in it; null where the text cannot be parsed at all. */
  readonly syntax: { root: Document.Parsed; lines: LineCounter } | null;
  /** Whether it is small and shallow enough to be given to a YAML library. */
  readonly readable: boolean;
}

/** Findings after which no other parser should look at the text. */
const unreadable = new Set(['config/too-large', 'config/too-deep', 'config/not-text']);

let texts = 0;

/** @param editors the editor's record of it, which changes in place */
export function configText(editors: TextDocument): ConfigText {
  const text = editors.getText();
  const document = TextDocument.create(editors.uri, editors.languageId, ++texts, text);
  let analysis: ConfigAnalysis | undefined;
  let syntax: ConfigText['syntax'] | undefined;
  const file = document.uri.startsWith('file:') ? fileURLToPath(document.uri) : null;
  const config: ConfigText = {
    document,
    version: editors.version,
    file,
    get analysis() {
      return (analysis ??= analyseText(text, { file: file ?? undefined, checkFiles: file !== null }));
    },
    get readable() {
      return !config.analysis.diagnostics.some(({ code }) => unreadable.has(code));
    },
    get syntax() {
      if (syntax === undefined) syntax = config.readable ? parse(text) : null;
      return syntax;
    },
  };
  return config;
}

function parse(text: string): ConfigText['syntax'] {
  const lines = new LineCounter();
  return { root: parseDocument(text, { lineCounter: lines, merge: true, prettyErrors: false }), lines };
}
