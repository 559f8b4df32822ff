import { Document, isCollection, isScalar, visit, type Scalar } from 'yaml';
import { keyAt } from '../../../../../engine/config/walk.ts';
import { isBlock } from '../../../../../engine/config/data.ts';

/** How a text is laid out. */
export interface Layout {
  /** Spaces by which a block is indented in another. */
  step: number;
  /** `\n` or `\r\n`. */
  lineBreak: string;
}

/** A longer line is broken into a block. */
const width = 100;

const plainly = {
  lineWidth: 0,
  blockQuote: false,
  doubleQuotedMinMultiLineLength: Number.MAX_SAFE_INTEGER,
} as const;

/** A value in one line: `0.5`, `1e-7`, `"a: b"`, `{ first: 0, last: 4 }`. */
export function inline(value: unknown, inFlow: boolean, padded = true): string {
  const document = new Document(inFlow ? [value] : value);
  visit(document, {
    Node(_, node) {
      if (isCollection(node)) node.flow = true;
      if (isScalar(node) && isSmall(node.value)) node.format = 'EXP';
      // A line break is written as an escape, so that the value stays in its line.
      if (isScalar(node) && typeof node.value === 'string' && /[\r\n]/.test(node.value)) node.type = 'QUOTE_DOUBLE';
    },
  });
  const text = document.toString({ ...plainly, flowCollectionPadding: padded }).trimEnd();
  return inFlow ? text.slice(1, -1).trim() : text;
}

/** People write learning rates as `1e-5`. */
function isSmall(value: unknown): boolean {
  return typeof value === 'number' && value !== 0 && Math.abs(value) < 1e-3;
}

/** A value in the place of another, in quotes of the same kind where those allow it. */
export function instead(old: Scalar, value: unknown, inFlow: boolean): string {
  const easy = typeof value === 'string' && /^[\x20-\x7e]*$/.test(value);
  if (easy && old.type === 'QUOTE_SINGLE') return `'${(value as string).replaceAll("'", "''")}'`;
  if (easy && old.type === 'QUOTE_DOUBLE') return JSON.stringify(value);
  return inline(value, inFlow);
}

/** What a key is given: a value, and its very text and comment where those stood elsewhere in the file before. */
export interface Given {
  value: unknown;
  /** Its text in one line. */
  text?: string;
  /** Its text in several lines, without their common indentation. */
  lines?: string[];
  /** On the line of its key, with its `#`. */
  comment?: string;
}

/**
 * A key and its value as lines of a block, without the last line break. Small blocks in blocks are written in one line.
 * @param depth 0 in the config itself
 */
export function entry(name: string, given: Given, indent: string, depth: number, layout: Layout): string {
  const { value, comment } = given;
  const key = `${indent}${inline(name, false)}:`;
  const tail = comment === undefined ? '' : ` ${comment}`;
  const deeper = indent + ' '.repeat(layout.step);
  if (given.lines !== undefined)
    return [key + tail, ...given.lines.map((line) => (line === '' ? '' : deeper + line))].join(layout.lineBreak);
  const line = `${key} ${given.text ?? inline(value, false)}${tail}`;
  if (given.text !== undefined || isInline(value, line, depth > 0 || !isBlockOfConfig(name))) return line;
  return [key + tail, ...children(value, deeper, depth + 1, layout)].join(layout.lineBreak);
}

/** Blocks of the config itself are written in several lines. */
export const isBlockOfConfig = (name: string) => keyAt(name)?.kind === 'block';

/** @param mayBeBlock whether a block may stand in one line here */
export function isInline(value: unknown, line: string, mayBeBlock: boolean): boolean {
  if (Array.isArray(value))
    return value.length === 0 || (line.length <= width && value.every((item) => typeof item !== 'string'));
  if (!isBlock(value)) return true;
  const children = Object.values(value);
  return children.length === 0 || (mayBeBlock && line.length <= width && children.every((child) => !isBlock(child)));
}

/** Lines of what is in a block or a list. */
export function children(value: unknown, indent: string, depth: number, layout: Layout): string[] {
  if (Array.isArray(value)) return value.map((item) => `${indent}- ${inline(item, false)}`);
  if (!isBlock(value)) return [];
  return Object.entries(value).map(([name, child]) => entry(name, { value: child }, indent, depth, layout));
}
