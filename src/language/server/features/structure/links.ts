import type { DocumentLink, LocationLink, Position } from 'vscode-languageserver/node';
import { anchorAt } from '../../anchors.ts';
import type { ConfigText } from '../../config-text.ts';
import { namedFiles } from '../../files.ts';
import { lexemes } from '../../lexemes.ts';
import { contains } from '../../places.ts';
import type { Asked } from '../../request.ts';

const paper = '2603.21872';
/** `arXiv:2603.21872`, with `§3.2` behind it or not, and a section of the method's own paper by itself. */
const reference = /arxiv:\s?(\d{4}\.\d{4,5})(?:v\d+)?(?:,?\s*(?:§|section )(\d+)(?:\.(\d+))?)?|§(\d+)(?:\.(\d+))?/gi;

function paperAddress(id: string, section?: string, subsection?: string): string {
  if (section === undefined) return `https://arxiv.org/abs/${id}`;
  return `https://arxiv.org/html/${id}#S${section}${subsection === undefined ? '' : `.SS${subsection}`}`;
}

/** Files that the config names, and papers and their sections in its comments. */
export function links({ config }: Asked): DocumentLink[] {
  if (!config.readable) return [];
  const files = namedFiles(config).map(({ range, uri }): DocumentLink => ({
    range,
    target: uri,
    tooltip: 'Open file',
  }));
  return [...files, ...paperLinks(config)];
}

function paperLinks(config: ConfigText): DocumentLink[] {
  const { document } = config;
  return [...lexemes(config)].flatMap(({ text, offset }) => {
    if (!text.startsWith('#')) return [];
    return [...text.matchAll(reference)].map((match): DocumentLink => {
      const [all, id, section, subsection, ownSection, ownSubsection] = match;
      const start = offset + match.index;
      const target = id ? paperAddress(id, section, subsection) : paperAddress(paper, ownSection, ownSubsection);
      const range = { start: document.positionAt(start), end: document.positionAt(start + all.length) };
      return { range, target, tooltip: 'Open the paper' };
    });
  });
}

/** An alias leads to its anchor; the name of a preset or of a file leads there. */
export function definition({ config }: Asked, at: Position): LocationLink[] {
  const found = anchorAt(config, at);
  if (found?.anchor.defined) {
    const { defined } = found.anchor;
    const { uri } = config.document;
    const place = { targetUri: uri, targetRange: defined, targetSelectionRange: defined };
    return [{ ...place, originSelectionRange: found.range }];
  }
  const top = { start: { line: 0, character: 0 }, end: { line: 0, character: 0 } };
  return namedFiles(config)
    .filter(({ range }) => contains(range, at))
    .map(({ range, uri }) => ({
      ...{ originSelectionRange: range, targetUri: uri },
      ...{ targetRange: top, targetSelectionRange: top },
    }));
}
