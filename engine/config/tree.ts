import { isAlias, isMap, isPair, isScalar, isSeq, Lexer, LineCounter, parseDocument } from 'yaml';
import type { Alias, Document, Node, Pair, YAMLError } from 'yaml';
import type { ErrorCode } from '../error-code.ts';
import { joinPath } from './data.ts';
import type { Diagnostic, Fix } from './diagnostics.ts';
import { escapeControls, quote } from './text.ts';

/** A stretch of text, 1-based; `endColumn` is one past the last character. */
export interface Place {
  line: number;
  column: number;
  endLine: number;
  endColumn: number;
  flag?: string;
}

/** Where a key stands in the text, and where its value does. */
export interface KeyPlace {
  key: Place | null;
  value: Place;
}

/** A config as written: its plain value, and the place of every path in it. */
export interface Tree {
  /** Plain data; objects have no prototype, so that no key is special. Undefined when the text cannot be read. */
  value: unknown;
  places: Map<string, KeyPlace>;
  diagnostics: Diagnostic[];
  /** What the parser made of the text, errors and all, and where its lines begin; null where it was not given to it. */
  syntax: { root: Document.Parsed; lines: LineCounter } | null;
}

export { joinPath } from './data.ts';

export const start: Place = { line: 1, column: 1, endLine: 1, endColumn: 1 };

/** One slip often breaks all that follows it; the first complaints say where it was. */
const shownErrors = 5;

/**
 * Beyond these a config is a mistake or an attack (an alias bomb), and reading it would cost more than it is worth. A piece
 * is what the lexer takes for one: a word, a colon, a stretch of spaces.
 */
const limits = { characters: 2 ** 20, pieces: 50_000, nodes: 15_000, depth: 32 };

/** Words, marks and spaces of a text, or more than there are, as long as that is within a limit: what reading it will cost. */
export function countPieces(text: string, limit: number): number {
  // None is shorter than a character.
  if (text.length <= limit) return text.length;
  let count = 0;
  for (const _ of new Lexer().lex(text)) if (++count > limit) break;
  return count;
}

/** Reads YAML text into a tree. Never throws: what is wrong is in `diagnostics`. */
export function readTree(input: string): Tree {
  const text = input.replace(/^\uFEFF/, '');
  const tree: Tree = { value: undefined, places: new Map(), diagnostics: [], syntax: null };
  const fail = (code: ErrorCode, message: string, remedy: string, place: Place = start) =>
    tree.diagnostics.push({ severity: 'error', code, message, remedy, path: '', ...place });
  if (text.length > limits.characters) {
    fail(
      'config/too-large',
      'The config is larger than 1 MiB.',
      'Keep long lists of prompts in a file: prompts: {file: prompts.txt}.',
    );
    return tree;
  }
  if (controlCharacter(text, fail)) return tree;
  if (countPieces(text, limits.pieces) > limits.pieces) {
    fail(
      'config/too-large',
      'The config has more than 50,000 words and marks.',
      'Keep long lists of prompts in a file: prompts: {file: prompts.txt}.',
    );
    return tree;
  }
  const lines = new LineCounter();
  try {
    const document = parseDocument(text, {
      lineCounter: lines,
      merge: true,
      prettyErrors: false,
      // Compares every key with every other; `addPair` finds them on the way.
      uniqueKeys: false,
    });
    if (document.errors.some((error) => /call stack/i.test(error.message))) throw new RangeError('nesting');
    tree.syntax = { root: document, lines };
    const first = document.errors.filter((error, i, all) => i < shownErrors && error.pos[0] !== all[i - 1]?.pos[0]);
    tree.diagnostics.push(...first.map((error) => yamlDiagnostic(error, lines, text)));
    if (document.errors.length === 0) fill(tree, document, lines, fail);
  } catch (error) {
    // The parser recurses; text nested thousands deep exhausts the stack.
    if (!(error instanceof RangeError)) throw error;
    fail('config/too-deep', 'The config is nested too deeply.', 'A config is at most four levels deep.');
  }
  return tree;
}

const firstLines: Fix[] = [
  {
    title: 'Begin with the embedded model: policy: {model: shapes}',
    edits: [{ kind: 'set', path: 'policy.model', value: 'shapes' }],
    preferred: true,
  },
  { title: 'Begin with a preset: extends: shapes', edits: [{ kind: 'set', path: 'extends', value: 'shapes' }] },
];

type Fail = (code: ErrorCode, message: string, remedy: string, place?: Place) => void;

function fill(tree: Tree, document: Document.Parsed, lines: LineCounter, fail: Fail): void {
  if (document.contents === null || (isScalar(document.contents) && document.contents.value === null)) {
    fail(
      'config/empty',
      'The config is empty.',
      'Write at least `policy: {model: shapes}`, or start from a preset: `extends: shapes`.',
    );
    tree.diagnostics.at(-1)!.fixes = firstLines;
    return;
  }
  if (!isMap(document.contents)) {
    const what = isSeq(document.contents) ? 'a list' : 'plain text';
    fail(
      'config/not-a-block',
      `A config is a block of keys, this is ${what}.`,
      'Begin with keys such as `policy:` and `sampling:`.',
      place(document.contents, lines),
    );
    return;
  }
  try {
    tree.value = plain(document.contents, [], { tree, document, lines, nodes: 0 });
  } catch (error) {
    if (!(error instanceof TreeLimit)) throw error;
    fail(error.code, error.message, error.remedy, error.place);
    tree.value = undefined;
  }
}

class TreeLimit extends Error {
  code: ErrorCode;
  remedy: string;
  place: Place;
  constructor(code: ErrorCode, message: string, remedy: string, place: Place) {
    super(message);
    this.code = code;
    this.remedy = remedy;
    this.place = place;
  }
}

interface Walk {
  tree: Tree;
  document: Document.Parsed;
  lines: LineCounter;
  nodes: number;
}

/** Plain data of a node. Aliases are followed, merge keys (`<<`) are applied, and every path gets its place. */
function plain(node: unknown, path: (string | number)[], walk: Walk, at?: Place): unknown {
  const here = at ?? place(node as Node | null, walk.lines);
  if (++walk.nodes > limits.nodes)
    throw new TreeLimit(
      'config/too-large',
      'The config expands to more than 15,000 values.',
      'Use fewer or smaller aliases (*name).',
      here,
    );
  if (path.length > limits.depth)
    throw new TreeLimit(
      'config/too-deep',
      'The config is nested too deeply.',
      'A config is at most four levels deep.',
      here,
    );
  if (isAlias(node)) {
    const target = (node as Alias).resolve(walk.document);
    if (target === undefined)
      throw new TreeLimit(
        'config/yaml',
        `There is no anchor &${escapeControls(node.source)}.`,
        'Define the anchor before it is used.',
        here,
      );
    return plain(target, path, walk, here);
  }
  if (isSeq(node)) return node.items.map((item, i) => record(item, [...path, i], walk, null, at));
  if (isMap(node)) {
    const object: Record<string, unknown> = Object.create(null);
    const names = new Set<string>();
    for (const pair of node.items) addPair(object, names, pair, path, walk, at);
    return object;
  }
  return isScalar(node) ? node.value : null;
}

function addPair(
  object: Record<string, unknown>,
  names: Set<string>,
  pair: Pair,
  path: (string | number)[],
  walk: Walk,
  at?: Place,
): void {
  const name = keyName(pair.key);
  if (name === '<<' && isScalar(pair.key) && pair.key.type === 'PLAIN') {
    merge(object, plain(pair.value, path, walk, at ?? place(pair.value as Node | null, walk.lines)));
    return;
  }
  if (names.has(name) && at === undefined) duplicate([...path, name], place(pair.key as Node, walk.lines), walk.tree);
  names.add(name);
  object[name] = record(pair.value, [...path, name], walk, isPair(pair) ? (pair.key as Node) : null, at);
}

function duplicate(path: (string | number)[], where: Place, { diagnostics }: Tree): void {
  if (diagnostics.length >= shownErrors) return;
  const message = `The key ${quote(String(path.at(-1)))} stands here a second time.`;
  const remedy = 'Keep one of the two.';
  const at = { path: joinPath(path), ...where };
  diagnostics.push({ severity: 'error', code: 'config/duplicate-key', message, remedy, ...at });
}

/** The name of a key as the config reads it: the text of a plain one; of a list or a block, which nobody means, something like it. */
export function keyName(key: unknown): string {
  if (isScalar(key)) return String(key.source ?? key.value);
  try {
    return String(key);
  } catch {
    // A block in place of a key may merge what cannot be merged.
    return '?';
  }
}

/** Keys of a merged block come in where the block itself does not say otherwise. */
function merge(object: Record<string, unknown>, merged: unknown): void {
  for (const source of Array.isArray(merged) ? merged : [merged])
    if (source !== null && typeof source === 'object')
      for (const [name, value] of Object.entries(source)) if (!(name in object)) object[name] = value;
}

function record(node: unknown, path: (string | number)[], walk: Walk, keyNode: Node | null, at?: Place): unknown {
  const keyPlace = keyNode === null ? null : (at ?? place(keyNode, walk.lines));
  const empty = node === null || (isScalar(node) && node.value === null && node.source === '');
  const value = at ?? (empty && keyPlace !== null ? keyPlace : place(node as Node | null, walk.lines));
  const name = joinPath(path);
  // A key of the block itself stands before one that is merged into it.
  if (at === undefined || !walk.tree.places.has(name)) walk.tree.places.set(name, { key: keyPlace, value });
  return plain(node, path, walk, at);
}

function place(node: Node | null | undefined, lines: LineCounter): Place {
  const range = node?.range;
  return range ? between(range[0], range[1], lines) : start;
}

function between(from: number, to: number, lines: LineCounter): Place {
  const [first, last] = [lines.linePos(from), lines.linePos(Math.max(from, to))];
  return {
    line: Math.max(1, first.line),
    column: Math.max(1, first.col),
    endLine: Math.max(1, last.line),
    endColumn: Math.max(1, last.col),
  };
}

/** Reports the first character that YAML does not allow, such as the NUL of a binary file. */
function controlCharacter(text: string, fail: Fail): boolean {
  const at = text.search(/[\0-\x08\x0b\x0c\x0e-\x1f]/);
  if (at < 0) return false;
  const before = text.slice(0, at).split('\n');
  const [line, column] = [before.length, before[before.length - 1].length + 1];
  const code = text.charCodeAt(at).toString(16).toUpperCase().padStart(4, '0');
  fail(
    'config/not-text',
    `This is not a text file: it has the control character U+${code}.`,
    'Give a config in YAML, a *.sage.yaml file. In a prompt, write control characters as escapes in double quotes.',
    { line, column, endLine: line, endColumn: column + 1 },
  );
  return true;
}

/** What the parser's most common complaints mean to someone who writes a config. */
const yamlRemedies: Record<string, [code: ErrorCode, remedy: string]> = {
  TAB_AS_INDENT: ['config/tab', 'Indent with spaces; YAML does not allow tabs.'],
  BAD_INDENT: ['config/yaml', 'Give all keys of a block the same indentation, in spaces.'],
  MULTIPLE_DOCS: ['config/yaml', 'A file holds one config: remove the `---` that starts a second.'],
  BLOCK_AS_IMPLICIT_KEY: [
    'config/yaml',
    'Is a line break or a pair of quotes missing? A value with ": " in it needs quotes.',
  ],
  MISSING_CHAR: ['config/yaml', 'Close the quote or bracket that was opened, and put a colon after each key.'],
  UNEXPECTED_TOKEN: ['config/yaml', 'Put text with special characters ({ } [ ] , : # & *) in quotes.'],
};

function yamlDiagnostic(error: YAMLError, lines: LineCounter, text: string): Diagnostic {
  const where = between(error.pos[0], Math.min(error.pos[1], text.length), lines);
  const [code, remedy] = yamlRemedies[error.code] ?? ['config/yaml', 'Correct the YAML here.'];
  const messages: Partial<Record<string, string>> = {
    TAB_AS_INDENT: 'A tab indents this line.',
    MULTIPLE_DOCS: 'A second document begins here.',
  };
  const message = messages[error.code] ?? `This is not valid YAML: ${sentence(error.message)}`;
  return { severity: 'error', code, message, remedy, path: '', ...where };
}

function sentence(message: string): string {
  const first = escapeControls(message.split('\n')[0].slice(0, 200));
  const lower = first.charAt(0).toLowerCase() + first.slice(1);
  return lower.endsWith('.') ? lower : `${lower}.`;
}
