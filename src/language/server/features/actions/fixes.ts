import type { CodeActionParams, Diagnostic } from 'vscode-languageserver/node';
import { analyseText, type ConfigAnalysis } from '../../../../../engine/config/analyse.ts';
import type { ConfigText } from '../../config-text.ts';
import { ownDiagnostics } from '../diagnostics/own.ts';
import { changesOf, editText } from '../edits.ts';
import { draft, type Splice } from '../edits/draft.ts';
import { touch, type Offer } from './offer.ts';

/** Every remedy of what is wrong in a range. */
export function fixOffers(config: ConfigText, { range, context }: CodeActionParams): Offer[] {
  const offers: Offer[] = [];
  const shown = ownDiagnostics(config);
  for (const [i, { fixes = [] }] of config.analysis.diagnostics.entries()) {
    if (fixes.length === 0 || !touch(shown[i].range, range)) continue;
    const diagnostic = context.diagnostics.find((each) => isSame(each, shown[i])) ?? shown[i];
    for (const { title, edits, preferred } of fixes) {
      const known = offers.find((offer) => offer.title === title);
      const splices = known === undefined ? changesOf(config, edits) : null;
      if (known !== undefined) known.diagnostics!.push(diagnostic);
      // One that would change nothing is no remedy.
      if (splices === null || splices.length === 0) continue;
      const offer: Offer = { title, kind: 'quickfix', diagnostics: [diagnostic], splices };
      offers.push(preferred === true ? { ...offer, isPreferred: true } : offer);
    }
  }
  return offers;
}

function isSame(a: Diagnostic, b: Diagnostic): boolean {
  return a.code === b.code && a.message === b.message && touch(a.range, b.range);
}

export function hasPreferredFix({ analysis }: ConfigText): boolean {
  return analysis.diagnostics.some(({ fixes = [] }) => fixes.some(({ preferred }) => preferred === true));
}

/** One remedy may make the next one needless, or possible; this many are enough for any config. */
const rounds = 60;

/** Does every preferred fix, one after the other. */
export function allFixed({ document, file, analysis: first }: ConfigText): Splice[] {
  const all = draft(document.getText());
  const seen = new Set([all.text]);
  let analysis = first;
  for (let round = 0; round < rounds; round++) {
    const next = nextFix(all.text, analysis, seen);
    if (next === null) break;
    all.change(next.changes());
    seen.add(all.text);
    analysis = analyseText(all.text, { file: file ?? undefined, checkFiles: file !== null });
  }
  return all.changes();
}

/** The text after the first preferred fix that leads to one not seen before. */
function nextFix(text: string, { diagnostics }: ConfigAnalysis, seen: ReadonlySet<string>) {
  for (const { fixes = [] } of diagnostics) {
    const fix = fixes.find(({ preferred }) => preferred === true);
    const changed = fix === undefined ? null : editText(text, fix.edits);
    if (changed !== null && !seen.has(changed.text)) return changed;
  }
  return null;
}
