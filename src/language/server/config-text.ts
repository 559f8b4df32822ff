import { fileURLToPath } from 'node:url';
import { TextDocument } from 'vscode-languageserver-textdocument';
import { analyseText, type ConfigAnalysis } from '../../../engine/config/analyse.ts';
import { countPieces, type Tree } from '../../../engine/config/tree.ts';

/** One version of a config in an editor, and what follows from its text; each is computed when it is first asked for. */
export interface ConfigText {
  /** As it was then: the editor's record of it changes in place. Its version is like no other's in this process. */
  readonly document: TextDocument;
  /** As the editor counts, from 1 for every time that it opens the file. */
  readonly version: number;
  /** Path of its file; null for one that has none, or none on this machine. */
  readonly file: string | null;
  readonly analysis: ConfigAnalysis;
  /** Its syntax tree, and where lines begin in it; null where the text cannot be parsed at all. */
  readonly syntax: Tree['syntax'];
  /** Whether it is small and shallow enough to be given to a YAML library. */
  readonly readable: boolean;
}

/** Findings after which no other parser should look at the text. */
const unreadable = new Set(['config/too-large', 'config/too-deep', 'config/not-text']);
/** Pieces of text (see `countPieces`) that the libraries take some tenths of a second for; a preset has about 800. */
const mostPieces = 40_000;

/** yaml-language-server keeps what it parsed by address and version, so a file that is opened again must not count from 1 again. */
let snapshots = 0;

export function configText(current: TextDocument): ConfigText {
  const { uri, languageId, version } = current;
  const text = current.getText();
  const document = TextDocument.create(uri, languageId, ++snapshots, text);
  let analysis: ConfigAnalysis | undefined;
  let readable: boolean | undefined;
  const file = fileOf(uri);
  const config: ConfigText = {
    document,
    version,
    file,
    get analysis() {
      return (analysis ??= analyseText(text, { file: file ?? undefined, checkFiles: file !== null }));
    },
    get readable() {
      readable ??=
        !config.analysis.diagnostics.some(({ code }) => unreadable.has(code)) &&
        countPieces(text, mostPieces) <= mostPieces;
      return readable;
    },
    get syntax() {
      return config.readable ? config.analysis.tree.syntax : null;
    },
  };
  return config;
}

/** The path at an address; null for one that names no file of this machine. */
export function fileOf(uri: string): string | null {
  try {
    return uri.startsWith('file:') ? fileURLToPath(uri) : null;
  } catch {
    return null;
  }
}
