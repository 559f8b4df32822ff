import type { InlayHint, Range } from 'vscode-languageserver/node';
import type { ConfigText } from '../config-text.ts';
import { hereOf, type Here } from '../facts/here.ts';
import type { Asked } from '../request.ts';
import { hintKinds, type HintKind, type ServerSettings } from '../settings.ts';
import { isTrusted } from '../trusted.ts';
import { defaultHints } from './hints/defaults.ts';
import { figureHints } from './hints/figures-of.ts';
import { keyLine, lineEnd } from './hints/line-ends.ts';

/** A hint before it has its place in the line. */
interface LineHint {
  kind: HintKind;
  /** 0-based. */
  line: number;
  label: string;
  /** Markdown. */
  tooltip: string;
}

/** What follows from the config, at the ends of the lines that it follows from. */
export function inlayHints({ config, settings }: Asked, range: Range): InlayHint[] {
  const here = config.readable ? hereOf(config) : null;
  if (here === null) return [];
  const wanted = (line: number) => line >= range.start.line && line <= range.end.line;
  const shown = (kind: HintKind) => isShown(settings, kind);
  const found = figures(config, here).filter(({ kind, line }) => shown(kind) && wanted(line));
  if (shown('defaults'))
    found.push(...defaultHints(config, here, wanted).map((hint) => ({ kind: 'defaults' as const, ...hint })));
  const order = (hint: LineHint) => hintKinds.indexOf(hint.kind);
  return found
    .sort((a, b) => a.line - b.line || order(a) - order(b))
    .map(({ line, label, tooltip }) => ({
      position: lineEnd(config, line),
      ...{ label, paddingLeft: true },
      tooltip: { kind: 'markdown', value: tooltip },
    }));
}

/** Hints are shown unless they are turned off. */
function isShown({ inlayHints: chosen }: ServerSettings, kind: HintKind): boolean {
  return chosen[kind] ?? true;
}

function figures(config: ConfigText, here: Here): LineHint[] {
  return figureHints.flatMap(({ kind, beside, needs, show }) => {
    const line = beside.map((path) => keyLine(config, path)).find((found) => found !== null) ?? null;
    if (line === null || !isTrusted(config.analysis, needs)) return [];
    const hint = show(here);
    return hint === null ? [] : [{ kind, line, ...hint }];
  });
}
