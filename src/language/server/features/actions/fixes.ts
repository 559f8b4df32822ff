import type { Fix } from '../../../../../engine/config/diagnostics.ts';
import type { CodeActionParams, Diagnostic } from 'vscode-languageserver/node';
import { analyseText, type ConfigAnalysis } from '../../../../../engine/config/analyse.ts';
import type { ConfigText } from '../../config-text.ts';
import { ownDiagnostics } from '../diagnostics/own.ts';
import { changesOf, editText } from '../edits.ts';
import { draft, type Splice } from '../edits/draft.ts';
import type { Asked } from '../../request.ts';
import { layoutFixes } from './layout.ts';
import { touch, type Offer } from './offer.ts';

/** A menu of more would help nobody. */
const mostFindings = 50;

/** Every remedy of what is wrong in a range. */
export async function fixOffers({ config, token }: Asked, { range, context }: CodeActionParams): Promise<Offer[]> {
  const offers = new Map<string, Offer>();
  const shown = ownDiagnostics(config);
  let count = 0;
  for (const [i, finding] of config.analysis.diagnostics.entries()) {
    if (!touch(shown[i].range, range)) continue;
    if (++count > mostFindings) break;
    const diagnostic = context.diagnostics.find((each) => isSame(each, shown[i])) ?? shown[i];
    for (const remedy of [...(finding.fixes ?? []), ...layoutFixes(config, finding)]) {
      const same = JSON.stringify([remedy.title, 'edits' in remedy ? remedy.edits : remedy.splices]);
      const known = offers.get(same);
      if (known !== undefined) {
        known.diagnostics!.push(diagnostic);
        continue;
      }
      // Each is tried on the text; what the editor sent meanwhile may cancel the rest.
      await new Promise<void>((resolve) => void setImmediate(resolve));
      if (token.isCancellationRequested) return [];
      const offer = 'edits' in remedy ? offerOf(config, remedy) : remedy;
      if (offer !== null) offers.set(same, { ...offer, diagnostics: [diagnostic] });
    }
  }
  return [...offers.values()];
}

/** A remedy as an offer; one that would change nothing is none. */
function offerOf(config: ConfigText, { title, edits, preferred }: Fix): Offer | null {
  const splices = changesOf(config, edits);
  if (splices === null || splices.length === 0) return null;
  return { title, kind: 'quickfix', splices, ...(preferred === true && { isPreferred: true }) };
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
