import type { Position, Range } from 'vscode-languageserver/node';
import { isAlias, isMap, isScalar, isSeq, type Node, type Pair } from 'yaml';
import { joinPath, keyName } from '../../../engine/config/tree.ts';
import type { ConfigText } from './config-text.ts';

/** The key or value of the text at a position, by the syntax tree alone: also where the config cannot be read as a whole. */
export interface NodeAt {
  /** Dotted path of the value that it is, or is the key of; of a merge (`<<`) that of the block that is merged into. */
  path: string;
  part: 'key' | 'value';
  node: Node;
  range: Range;
}

export function isMerge(pair: Pair): boolean {
  return isScalar(pair.key) && pair.key.type === 'PLAIN' && keyName(pair.key) === '<<';
}

/** Where a node stands, without its anchor and tag; null for one that has no place. */
export function nodeRange({ document }: ConfigText, node: unknown): Range | null {
  const range = (node as Node | null)?.range;
  return range
    ? { start: document.positionAt(range[0]), end: document.positionAt(Math.max(range[0], range[1])) }
    : null;
}

/** The innermost key or value at a position; null between them, and in comments. */
export function nodeAt(config: ConfigText, at: Position): NodeAt | null {
  const offset = config.document.offsetAt(at);
  const holds = (node: unknown): node is Node => {
    const range = (node as Node | null)?.range;
    return range !== null && range !== undefined && range[0] <= offset && offset <= range[1];
  };
  const found = (keys: (string | number)[], part: NodeAt['part'], node: Node): NodeAt => ({
    path: joinPath(keys),
    ...{ part, node },
    range: nodeRange(config, node)!,
  });
  let keys: (string | number)[] = [];
  let node: unknown = config.syntax?.root.contents ?? null;
  while (isMap(node) || isSeq(node)) {
    if (isSeq(node)) {
      const index = node.items.findLastIndex(holds);
      if (index < 0) return null;
      [keys, node] = [[...keys, index], node.items[index]];
      continue;
    }
    // A block ends where what follows it begins: the later of two is meant.
    const pair: Pair | undefined = node.items.findLast(({ key, value }) => holds(key) || holds(value));
    if (pair === undefined) return null;
    const inner = isMerge(pair) ? keys : [...keys, keyName(pair.key)];
    if (holds(pair.key)) return found(inner, 'key', pair.key as Node);
    [keys, node] = [inner, pair.value];
  }
  return isScalar(node) || isAlias(node) ? (holds(node) ? found(keys, 'value', node) : null) : null;
}
