import type { TextDocument } from 'vscode-languageserver-textdocument';
import type { TextEdit } from 'vscode-languageserver/node';
import { isMap, isScalar, parseDocument, type Document } from 'yaml';
import type { Edit } from '../../../../engine/config/diagnostics.ts';
import { readTree, keyName } from '../../../../engine/config/tree.ts';
import type { ConfigText } from '../config-text.ts';
import { isBlock, joinPath, splitPath } from '../../../../engine/config/data.ts';
import { applyEdits } from '../../../../engine/config/edits.ts';
import { same } from './edits/same.ts';
import { draft, type Draft, type Splice } from './edits/draft.ts';
import { rankIn, setAt } from './edits/set.ts';
import { isEmpty, source, walk, type Source } from './edits/source.ts';
import { carried, remove, rename } from './edits/take.ts';

/**
 * Edits of a config as changes of its text. Comments, quotes, layout and all that is not meant stay as they are; a new
 * key stands where the schema has it. Null where the text cannot say the result, as with a key that an alias brings in.
 */
export function textEdits(config: ConfigText, edits: readonly Edit[]): TextEdit[] | null {
  return changesOf(config, edits)?.map((splice) => textEdit(config.document, splice)) ?? null;
}

/** As `textEdits`, by offsets. */
export function changesOf({ document, syntax, analysis }: ConfigText, edits: readonly Edit[]): Splice[] | null {
  if (syntax === null) return null;
  const text = document.getText();
  // Offsets of a tree may not count the byte order mark.
  const known = text.startsWith('\uFEFF') ? undefined : { root: syntax.root, value: analysis.tree.value };
  return editText(text, edits, known)?.changes() ?? null;
}

export function textEdit(document: TextDocument, { from, to, text }: Splice): TextEdit {
  return { range: { start: document.positionAt(from), end: document.positionAt(to) }, newText: text };
}

/** What is known of a text already: its syntax tree, and its plain data. */
interface Known {
  root: Document.Parsed;
  value: unknown;
}

/**
 * Does edits to the text of a config, one after the other. Null where the text cannot say the result.
 * @param withComments whether a key that is removed takes the comments right above it along
 */
export function editText(
  text: string,
  edits: readonly Edit[],
  known: Known = read(text),
  withComments = false,
): Draft | null {
  const { root } = known;
  const value = known.value ?? (isEmpty(root.contents) ? {} : undefined);
  if (value === undefined || root.errors.some(({ code }) => code !== 'DUPLICATE_KEY')) return null;
  const changed = draft(text);
  let current: Source | null = source(text, root);
  const reread = () => (current ??= source(changed.text, parse(changed.text)));
  const change = (splices: Splice[] | null): boolean => {
    if (splices === null) return false;
    if (splices.length > 0) current = null;
    changed.change(splices);
    return true;
  };
  for (let at = 0; at < edits.length;) {
    const additions = additionsFrom(reread(), edits.slice(at));
    const isDone =
      additions.length > 1 ? change(together(reread(), additions)) : apply(edits[at], reread, change, withComments);
    if (!isDone) return null;
    at += Math.max(1, additions.length);
  }
  // A text may have an alias or a merged block where an edit leads; only what reads as was meant is done.
  const result = readTree(changed.text);
  return same(result.value ?? {}, applyEdits(value, edits)) ? changed : null;
}

function read(text: string): Known {
  return { root: parse(text), value: readTree(text).value };
}

function parse(text: string): Document.Parsed {
  return parseDocument(text, { merge: true, prettyErrors: false, uniqueKeys: false });
}

type Reread = () => Source;
type Change = (splices: Splice[] | null) => boolean;

function apply(edit: Edit, reread: Reread, change: Change, withComments = false): boolean {
  const path = splitPath(edit.path);
  if (edit.kind === 'set') return set(path, edit.value, reread, change);
  const now = reread();
  const { entries, rest } = walk(now, path);
  // What is not there needs no change.
  if (rest.length > 0 || entries.length === 0) return true;
  if (edit.kind === 'remove') return change(remove(now, entries, withComments));
  if (edit.kind === 'rename') return change(rename(now, entries, edit.name));
  const to = splitPath(edit.to);
  if (path.every((part, i) => to[i] === part)) return to.length === path.length;
  const given = carried(now, entries.at(-1)!);
  return given !== null && change(remove(now, entries)) && change(setAt(reread(), to, given));
}

/** Edits at the start of a list that add different keys to blocks that are there, and so do not need one another. */
function additionsFrom(now: Source, edits: readonly Edit[]): (Edit & { kind: 'set' })[] {
  const added = new Set<string>();
  const found: (Edit & { kind: 'set' })[] = [];
  for (const edit of edits) {
    if (edit.kind !== 'set') break;
    const path = splitPath(edit.path);
    const { entries, rest } = walk(now, path);
    const block = entries.length === 0 ? now.root.contents : entries.at(-1)!.value;
    const name = joinPath(path.slice(0, entries.length + 1));
    if (rest.length === 0 || !isMap(block) || block.items.length === 0 || added.has(name)) break;
    added.add(name);
    found.push(edit);
  }
  return found;
}

/**
 * The text is read once for all of them, since a config may lack a hundred keys. Of those that go to one place, as after
 * the last line of a block within another, the inner ones come first, so that they stand in their block; then those
 * that the schema has first.
 */
function together(now: Source, additions: readonly (Edit & { kind: 'set' })[]): Splice[] | null {
  const placed = additions.map((addition) => {
    const path = splitPath(addition.path);
    const depth = walk(now, path).entries.length;
    return { path, value: addition.value, depth, rank: rankIn(path.slice(0, depth), path[depth]) };
  });
  const inOrder = placed.sort((a, b) => b.depth - a.depth || a.rank - b.rank);
  const all = inOrder.map(({ path, value }) => setAt(now, path, { value }));
  return all.every((splices) => splices !== null) ? all.flat() : null;
}

/** A block that is there is changed key by key, so that its comments stay. */
function set(path: string[], value: unknown, reread: Reread, change: Change): boolean {
  const now = reread();
  const { entries, rest } = walk(now, path);
  const old = rest.length === 0 ? (entries.at(-1)?.value ?? null) : null;
  if (isScalar(old) && !isEmpty(old) && Object.is(old.value, value)) return true;
  const isChanged = isMap(old) && old.items.length > 0 && isBlock(value) && Object.keys(value).length > 0;
  if (!isChanged) return change(setAt(now, path, { value }));
  const gone = old.items.map(({ key }) => keyName(key)).filter((name) => !Object.hasOwn(value, name));
  return (
    Object.entries(value).every(([name, child]) => set([...path, name], child, reread, change)) &&
    gone.every((name) => apply({ kind: 'remove', path: joinPath([...path, name]) }, reread, change))
  );
}
