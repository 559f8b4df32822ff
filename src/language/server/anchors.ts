import type { Position, Range } from 'vscode-languageserver/node';
import type { ConfigText } from './config-text.ts';
import { lexemes } from './lexemes.ts';
import { contains } from './places.ts';

/** An anchor (`&name`) and the aliases (`*name`) that mean it; ranges are of the name alone. */
export interface Anchor {
  name: string;
  /** Null where the aliases mean nothing. */
  defined: Range | null;
  uses: Range[];
}

/** All anchors of a text, in order. A name that is defined again is another anchor from there on, as in YAML. */
export function anchorsOf(config: ConfigText): Anchor[] {
  const { document } = config;
  const anchors: Anchor[] = [];
  const latest = new Map<string, Anchor>();
  for (const { text, offset } of lexemes(config)) {
    const name = /^[&*](.+)$/.exec(text)?.[1];
    if (name === undefined) continue;
    const range = { start: document.positionAt(offset + 1), end: document.positionAt(offset + text.length) };
    let anchor = latest.get(name);
    if (text.startsWith('&') || anchor === undefined) {
      anchor = { name, defined: text.startsWith('&') ? range : null, uses: [] };
      latest.set(name, anchor);
      anchors.push(anchor);
    }
    if (text.startsWith('*')) anchor.uses.push(range);
  }
  return anchors;
}

/** The anchor whose definition or use stands at a position, and that range; null elsewhere. */
export function anchorAt(config: ConfigText, at: Position): { anchor: Anchor; range: Range } | null {
  for (const anchor of anchorsOf(config))
    for (const range of [anchor.defined, ...anchor.uses])
      // Its sign counts as part of it.
      if (range && contains({ ...range, start: { ...range.start, character: range.start.character - 1 } }, at))
        return { anchor, range };
  return null;
}
