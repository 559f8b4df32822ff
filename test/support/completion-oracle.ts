import { CompletionItemKind, type CompletionItem } from 'vscode-languageserver/node';
import { isMap, isScalar, parseDocument, visit, type Document, type YAMLMap } from 'yaml';
import { jsonSchema } from '../../engine/config/json-schema.ts';

/** Whether a key is offered, rather than a value or a snippet. */
export const isKey = ({ kind }: CompletionItem) =>
  kind === CompletionItemKind.Property || kind === CompletionItemKind.Module;

/** What may be offered at an offset, as a YAML parser and the JSON schema have it. */
export type Allowed =
  | { certain: true; keys: string[] }
  /** The text is broken whatever is written at the cursor. */
  | { certain: false };

interface Schema {
  properties?: Record<string, Schema>;
  anyOf?: Schema[];
}

const schema = jsonSchema() as Schema;
const mark = 'the-cursor-is-here';

/** Keys of the schema in a block. */
export function keysIn(path: readonly (string | number)[]): string[] {
  let at: Schema | undefined = schema;
  for (const part of path) at = typeof part === 'number' ? undefined : properties(at)?.[part];
  return Object.keys(properties(at) ?? {});
}

function properties(schema: Schema | undefined): Record<string, Schema> | undefined {
  return schema?.properties ?? schema?.anyOf?.map(properties).find((found) => found !== undefined);
}

/** Every block of the schema. */
export function blocks(path: string[] = []): string[][] {
  const inner = keysIn(path).flatMap((name) => blocks([...path, name]));
  return keysIn(path).length === 0 ? [] : [path, ...inner];
}

/**
 * Puts a key in the place of the word at an offset, and reads where it lands: what may stand there is what the schema has
 * in that block, without the keys that stand there already. Knows nothing of how completion finds its place.
 */
export function oracle(text: string): (offset: number) => Allowed {
  const whole = read(text);
  const faults = whole.errors.map(({ pos }) => pos);
  const brackets = flowRanges(whole);
  const known = new Map<string, Allowed>();
  return (offset) => {
    const [start, end] = wordAround(text, offset);
    // A word in a text that is broken elsewhere does not mend it.
    if (faults.length > 0 && !faults.some(([from, to]) => from < end + 100 && start < to + 100))
      return { certain: false };
    const name = `${start} ${end}`;
    const isFlow = faults.length > 0 || brackets.some(([from, to]) => from < start && end < to);
    if (!known.has(name)) known.set(name, allowed(text, start, end, isFlow, faults.length > 0));
    return known.get(name)!;
  };
}

function allowed(text: string, start: number, end: number, isFlow: boolean, isBroken: boolean): Allowed {
  const nothing: Allowed = { certain: true, keys: [] };
  if (end < text.length && !/[\s:,}\]"']/.test(text[end])) return nothing;
  const [before, after] = [text.slice(0, start), text.slice(end)];
  const hasColon = /^["']?[ \t]*:(\s|[,}\]]|$)/.test(after);
  const ways = hasColon ? [''] : [": ''", ...(isFlow ? [": '',"] : []), ...(end > start ? [':'] : [])];
  for (const way of ways) {
    const document = read(before + mark + way + after);
    if (document.errors.length > 0) continue;
    const found = landing(document);
    if (way.endsWith(',') && found?.flow === false) continue;
    if (found === null) return nothing;
    const keys = keysIn(found.path).filter((name) => !found.siblings.includes(name));
    return { certain: true, keys };
  }
  return isBroken && (hasColon || read(before + after).errors.length > 0) ? { certain: false } : nothing;
}

function flowRanges(document: Document.Parsed): [number, number][] {
  const ranges: [number, number][] = [];
  visit(document, {
    Collection(_, node) {
      if (node.flow === true && node.range) ranges.push([node.range[0], node.range[1]]);
    },
  });
  return ranges;
}

function wordAround(text: string, offset: number): [number, number] {
  const left = /[\w.-]*$/.exec(text.slice(Math.max(0, offset - 200), offset))![0];
  const right = /^[\w.-]*/.exec(text.slice(offset))![0];
  const word = left + right;
  const lead = /^[.-]*/.exec(word)![0].length;
  return lead > left.length ? [offset, offset] : [offset - left.length + lead, offset + right.length];
}

function read(text: string): Document.Parsed {
  return parseDocument(text, { uniqueKeys: false, merge: false, prettyErrors: false, logLevel: 'silent' });
}

/** The block in which the key stands that is written at an offset or behind a blank there; null in a text with errors. */
export function blockOf(name: string, text: string, offset: number): (string | number)[] | null {
  const document = read(text);
  let found: (string | number)[] | null = null;
  visit(document, {
    Pair(_, { key }, ancestors) {
      const start = isScalar(key) && key.value === name ? (key.range?.[0] ?? -1) : -1;
      if (start === offset || start === offset + 1) found = pathOf(ancestors);
    },
  });
  return document.errors.length > 0 ? null : found;
}

function landing(document: Document.Parsed): { path: (string | number)[]; siblings: string[]; flow: boolean } | null {
  let found: ReturnType<typeof landing> = null;
  visit(document, {
    Pair(_, pair, ancestors) {
      if (!isScalar(pair.key) || pair.key.value !== mark) return;
      const map = ancestors.at(-1) as YAMLMap;
      const siblings = map.items.filter((item) => item !== pair).map(({ key }) => String(key));
      found = { path: pathOf(ancestors), siblings, flow: map.flow === true };
      return visit.BREAK;
    },
  });
  return found;
}

function pathOf(ancestors: readonly unknown[]): (string | number)[] {
  return ancestors.flatMap((node, i): (string | number)[] => {
    if (isMap(node) && i + 1 < ancestors.length) return [String((ancestors[i + 1] as { key: unknown }).key)];
    const items = (node as { items?: unknown[] }).items;
    return !isMap(node) && items !== undefined && i + 1 < ancestors.length ? [items.indexOf(ancestors[i + 1])] : [];
  });
}
