import type { Position, Range } from 'vscode-languageserver/node';
import { isAlias, isCollection, isMap, isPair, isSeq, type Alias, type Node } from 'yaml';
import type { ConfigText } from '../../config-text.ts';
import { countOf } from '../../figures.ts';
import { code, yamlBlock } from '../../markdown.ts';

/** Lines of what an alias stands for that are shown. */
const shownLines = 14;

/** What stands for what: the text of an anchored value, and how often it is used. */
function expansion(config: ConfigText, name: string, target: Node): string {
  const text = config.document.getText();
  const [from, to] = target.range ?? [0, 0];
  const lineStart = text.lastIndexOf('\n', from - 1) + 1;
  const indent = text.slice(lineStart, from);
  const lines = (/^\s*$/.test(indent) ? indent : '').concat(text.slice(from, to)).trimEnd().split(/\r?\n/);
  const common = Math.min(...lines.filter((line) => line.trim() !== '').map((line) => line.search(/\S/)));
  const shown = lines.slice(0, shownLines).map((line) => line.slice(Number.isFinite(common) ? common : 0, 200));
  if (lines.length > shownLines) shown.push(`# … ${countOf(lines.length - shownLines, 'more line')}`);
  const line = config.document.positionAt(from).line + 1;
  return `${code(`*${name}`)} stands for what is anchored in line ${line}:\n\n${yamlBlock(shown.join('\n'))}`;
}

/** The nodes of a document, without recursion and without following aliases. */
function* nodesOf(config: ConfigText): Generator<Node> {
  const stack: unknown[] = [config.syntax?.root.contents ?? null];
  while (stack.length > 0) {
    const node = stack.pop();
    if (isPair(node)) stack.push(node.value, node.key);
    else if (node !== null && typeof node === 'object') {
      yield node as Node;
      if (isMap(node) || isSeq(node)) stack.push(...node.items.toReversed());
    }
  }
}

/** What an alias stands for. */
export function aliasText(config: ConfigText, alias: Alias): string | null {
  // As in YAML, the last anchor of the name before the alias.
  let target: Node | null = null;
  for (const node of nodesOf(config)) {
    if (node === alias) break;
    if (!isAlias(node) && (node as { anchor?: string }).anchor === alias.source) target = node;
  }
  return target === null
    ? `There is no anchor ${code(`&${alias.source}`)} above.`
    : expansion(config, alias.source, target);
}

/** The anchor (`&name`) at a position: where it stands, and where it is used. */
export function anchorAt(config: ConfigText, at: Position): { text: string; range: Range } | null {
  const { document } = config;
  const text = document.getText();
  const offset = document.offsetAt(at);
  const start = text.lastIndexOf('&', offset);
  if (start < 0 || !/^&[^\s,[\]{}]*$/.test(text.slice(start, Math.max(start + 1, offset)))) return null;
  const name = /^&([^\s,[\]{}]+)/.exec(text.slice(start, start + 200))?.[1];
  if (name === undefined) return null;
  const uses: number[] = [];
  let anchored: Node | null = null;
  for (const node of nodesOf(config)) {
    const from = node.range?.[0] ?? -1;
    if (isAlias(node)) {
      if (anchored !== null && node.source === name) uses.push(document.positionAt(from).line + 1);
    } else if ((node as { anchor?: string }).anchor === name) {
      if (anchored !== null) break;
      const between = text.slice(start + name.length + 1, from);
      if (from > start && /^(\s|!\S*|#[^\n]*\n)*$/.test(between)) anchored = node;
    }
  }
  if (anchored === null) return null;
  const what = isCollection(anchored) ? 'This block or list' : 'This value';
  const lines = `line${uses.length === 1 ? '' : 's'} ${uses.slice(0, 12).join(', ')}${uses.length > 12 ? ', …' : ''}`;
  const used = uses.length === 0 ? 'It is not used.' : `It is used in ${lines}.`;
  return {
    text: `${what} is anchored as ${code(name)}, for ${code(`*${name}`)} to stand for it elsewhere. ${used}`,
    range: { start: document.positionAt(start), end: document.positionAt(start + name.length + 1) },
  };
}
