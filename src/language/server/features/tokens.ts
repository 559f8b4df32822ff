import { SemanticTokensBuilder, type SemanticTokens, type SemanticTokensLegend } from 'vscode-languageserver/node';
import { isAlias, isMap, isPair, isScalar, isSeq, type Node, type Pair, type Scalar } from 'yaml';
import { promptFileKeys, rootKey, type KeyInfo } from '../../../../engine/config/walk.ts';
import type { Asked } from '../request.ts';
import { keyName } from '../../../../engine/config/tree.ts';
import { isMerge } from '../syntax-at.ts';

/** Types that every theme colours. */
const types = [
  'namespace',
  'property',
  'parameter',
  'class',
  'function',
  'enumMember',
  'number',
  'keyword',
  'string',
  'variable',
] as const;
type TokenType = (typeof types)[number];

/** `unit`: a number that counts something, such as steps or pixels. */
const modifiers = ['unit', 'declaration'] as const;

export const tokensLegend: SemanticTokensLegend = { tokenTypes: [...types], tokenModifiers: [...modifiers] };

/** Words of choices that are more than words. */
const words: Readonly<Record<string, TokenType>> = {
  'policy.model': 'class',
  'reward.model': 'class',
  'reward.held_out': 'class',
  'exploration.kernel': 'function',
};

interface Token {
  from: number;
  length: number;
  type: TokenType;
  modifier?: (typeof modifiers)[number];
}

/** What is being coloured: a node, and what the schema says stands there. */
interface Place {
  node: unknown;
  /** Null below a key that the schema lacks. */
  info: KeyInfo | null;
  /** It is inside `prompts` or `evaluation.prompts`. */
  inPrompts: boolean;
}

/** Kernels, models, components, numbers with units and the rest, told apart. */
export function semanticTokens({ config }: Asked): SemanticTokens {
  const tokens: Token[] = [];
  const text = config.document.getText();
  const stack: Place[] = [{ node: config.syntax?.root.contents ?? null, info: rootKey, inPrompts: false }];
  while (stack.length > 0) {
    const place = stack.pop()!;
    const { node } = place;
    if (node === null || typeof node !== 'object') continue;
    tokens.push(...anchorOf(node as Node, text));
    if (isMap(node)) for (const pair of node.items) stack.push(valueOf(pair, place, tokens));
    else if (isSeq(node))
      stack.push(...node.items.filter((item) => !isPair(item)).map((item) => ({ ...place, node: item })));
    else if (isAlias(node)) push(tokens, node, 'variable');
    else if (isScalar(node)) colourScalar(node, place, tokens);
  }
  return built(tokens, text, (offset) => config.document.positionAt(offset));
}

/** Colours a key. @returns where its value stands */
function valueOf(pair: Pair, { info: block, inPrompts }: Place, tokens: Token[]): Place {
  const name = keyName(pair.key);
  if (isMerge(pair)) {
    push(tokens, pair.key, 'keyword');
    return { node: pair.value, info: block, inPrompts };
  }
  const info = block?.children.find((child) => child.name === name) ?? null;
  const ofPrompts = inPrompts && promptFileKeys.some((key) => key === name);
  if (info !== null || ofPrompts || (block === rootKey && name === 'extends')) push(tokens, pair.key, keyType(info));
  if (block === rootKey && name === 'extends') push(tokens, pair.value, 'class');
  return { node: pair.value, info, inPrompts: inPrompts || info?.kind === 'prompts' };
}

function keyType(info: KeyInfo | null): TokenType {
  if (info?.kind === 'block') return 'namespace';
  return info?.path.startsWith('reward.weights.') === true ? 'parameter' : 'property';
}

function colourScalar(node: Scalar, { info, inPrompts }: Place, tokens: Token[]): void {
  const { value } = node;
  if (typeof value === 'boolean' || (value === null && node.source !== '')) push(tokens, node, 'keyword');
  else if (inPrompts) push(tokens, node, value === 'all' && info?.kind === 'prompts' ? 'enumMember' : 'string');
  else if (info === null) return;
  else if (typeof value === 'number' && (info.kind === 'integer' || info.kind === 'number'))
    push(tokens, node, 'number', info.meta.unit === undefined ? undefined : 'unit');
  else if (typeof value === 'string' && info.choices.includes(value))
    push(tokens, node, words[info.path] ?? 'enumMember');
  else if (info.kind === 'text') push(tokens, node, 'string');
}

/** The anchor before a node. */
function anchorOf(node: Node, text: string): Token[] {
  const { anchor } = node as { anchor?: string };
  const end = node.range?.[0];
  if (isAlias(node) || anchor === undefined || end === undefined) return [];
  const from = text.lastIndexOf(`&${anchor}`, end);
  return from < 0 ? [] : [{ from, length: anchor.length + 1, type: 'variable', modifier: 'declaration' }];
}

function push(tokens: Token[], node: unknown, type: TokenType, modifier?: Token['modifier']): void {
  const range = (node as Node | null)?.range;
  if (range && range[1] > range[0]) tokens.push({ from: range[0], length: range[1] - range[0], type, modifier });
}

/** Tokens in the order of the text, each within its line and none over another. */
function built(tokens: Token[], text: string, positionAt: (offset: number) => { line: number; character: number }) {
  const builder = new SemanticTokensBuilder();
  let end = 0;
  for (const { from, length, type, modifier } of tokens.sort((a, b) => a.from - b.from)) {
    if (from < end || text.slice(from, from + length).includes('\n')) continue;
    end = from + length;
    const { line, character } = positionAt(from);
    const bits = modifier === undefined ? 0 : 1 << modifiers.indexOf(modifier);
    builder.push(line, character, length, types.indexOf(type), bits);
  }
  return builder.build();
}
