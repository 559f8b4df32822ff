import { isMap, type Node } from 'yaml';
import type { Diagnostic as Finding } from '../../../../../engine/config/diagnostics.ts';
import { readTree, keyName } from '../../../../../engine/config/tree.ts';
import type { ConfigText } from '../../config-text.ts';
import { draft, type Splice } from '../edits/draft.ts';
import { entriesOf, rangeOf, source, type Entry, type Source } from '../edits/source.ts';
import { remove } from '../edits/take.ts';
import type { Offer } from './offer.ts';

/** Remedies of what is wrong with the text itself, which no change of a value can put right. */
export function layoutFixes(config: ConfigText, finding: Finding): Offer[] {
  if (finding.code === 'config/tab') return [tabsToSpaces(config)];
  return finding.code === 'config/duplicate-key' ? withoutOneOfTwo(config, finding) : [];
}

/** Every tab that indents becomes as many spaces as blocks are indented by elsewhere. */
function tabsToSpaces({ document, syntax }: ConfigText): Offer {
  const text = document.getText();
  const step = ' '.repeat(source(text, syntax!.root).step);
  const splices = [...text.matchAll(/(?<![^\n])[ \t]*\t[ \t]*/g)].map(({ 0: tabs, index }): Splice => {
    return { from: index, to: index + tabs.length, text: tabs.replaceAll('\t', step) };
  });
  return { title: 'Indent with spaces', kind: 'quickfix', isPreferred: true, splices };
}

/** Which of two keys of one name stays is for the person to say, who sees both. */
function withoutOneOfTwo({ document, syntax }: ConfigText, { line, column }: Finding): Offer[] {
  const text = document.getText();
  const from = source(text, syntax!.root);
  const at = offsetOf(text, line, column);
  const second = entriesTo(from, ({ key }) => key !== null && rangeOf(key)[0] === at);
  if (second === null) return [];
  const siblings = entriesOf(second.at(-1)!.parent, second.length - 1);
  const first = siblings.find(({ key }) => keyName(key) === keyName(second.at(-1)!.key))!;
  const name = keyName(first.key);
  const choices: [string, Entry[]][] = [
    [`Remove this ${name}`, second],
    [`Remove the first ${name}`, [...second.slice(0, -1), first]],
  ];
  return choices.flatMap(([title, entries]) => {
    const splices = remove(from, entries);
    return splices === null || !isBetter(text, splices) ? [] : [{ title, kind: 'quickfix', splices }];
  });
}

/** Of a line and a column, both counted from 1. */
function offsetOf(text: string, line: number, column: number): number {
  let start = 0;
  for (let n = 1; n < line; n++) start = text.indexOf('\n', start) + 1;
  return start + column - 1;
}

/** The entries that lead to the one that is sought; null where there is none. */
function entriesTo(from: Source, isSought: (entry: Entry) => boolean): Entry[] | null {
  const within = (node: Node | null, around: Entry[]): Entry[] | null => {
    if (!isMap(node)) return null;
    for (const entry of entriesOf(node, around.length)) {
      const entries = [...around, entry];
      const found = isSought(entry) ? entries : within(entry.value, entries);
      if (found !== null) return found;
    }
    return null;
  };
  return within(from.root.contents as Node | null, []);
}

function isBetter(text: string, splices: readonly Splice[]): boolean {
  const changed = draft(text);
  changed.change(splices);
  const after = readTree(changed.text);
  return after.value !== undefined && after.diagnostics.length < readTree(text).diagnostics.length;
}
