import {
  CompletionItemKind,
  InsertTextFormat,
  InsertTextMode,
  MarkupKind,
  type CompletionItem,
  type Range,
} from 'vscode-languageserver/node';
import type { TextDocument } from 'vscode-languageserver-textdocument';
import type { Stretch } from './outline.ts';

/** One thing that is offered, before it is said in the protocol's words. */
export interface Offer {
  label: string;
  /** What is inserted, and whether tab stops (`${1:…}`) in it are meant as such. */
  text: string;
  isSnippet?: boolean;
  kind: CompletionItemKind;
  /** On the same line as the label. */
  detail?: string;
  /** Markdown. */
  documentation?: string;
  /** What the letters at the cursor are held against; the label where there is none. */
  filter?: string;
  /** The one to begin with. */
  preselect?: boolean;
  /** Whether something further can be completed behind it at once. */
  leadsOn?: boolean;
}

export { CompletionItemKind as Kind };

/** Offers as items that replace a stretch, in their order. `canAsk`: the editor can be told to complete once more. */
export function items(offers: Offer[], document: TextDocument, word: Stretch, canAsk: boolean): CompletionItem[] {
  const range: Range = { start: document.positionAt(word.start), end: document.positionAt(word.end) };
  const again = { title: 'Suggest', command: 'editor.action.triggerSuggest' };
  return offers.map((offer, i) => {
    const { label, text, kind, detail, documentation, filter, preselect } = offer;
    const item: CompletionItem = {
      label,
      kind,
      sortText: String(i).padStart(4, '0'),
      textEdit: { range, newText: text },
    };
    if (detail !== undefined) item.detail = detail;
    if (documentation !== undefined) item.documentation = { kind: MarkupKind.Markdown, value: documentation };
    if (filter !== undefined) item.filterText = filter;
    if (preselect === true) item.preselect = true;
    item.insertTextFormat = offer.isSnippet === true ? InsertTextFormat.Snippet : InsertTextFormat.PlainText;
    if (text.includes('\n')) item.insertTextMode = InsertTextMode.adjustIndentation;
    if (offer.leadsOn === true && canAsk) item.command = again;
    return item;
  });
}

/** Text as it stands in a snippet. */
export function literally(text: string): string {
  return text.replace(/[\\$}]/g, '\\$&');
}

/** A tab stop with a choice, the first being what it begins with. */
export function choice(stop: number, words: readonly string[]): string {
  return `\${${stop}|${words.map((word) => word.replace(/[\\,|]/g, '\\$&')).join(',')}|}`;
}

/** A tab stop over a text. */
export function stopAt(stop: number, text: string): string {
  return `\${${stop}:${literally(text)}}`;
}

/** A plain value as one writes it: `1e-5` rather than `0.00001`. */
export function showPlain(value: unknown): string {
  if (typeof value === 'number' && value !== 0 && Math.abs(value) < 1e-3) return value.toExponential();
  return typeof value === 'object' && value !== null ? JSON.stringify(value) : String(value);
}

/** Text that YAML would take for something else. */
const special = /^[\s\-?:,[\]{}#&*!|>'"%@`]|: |:$| #|\s$|[\n\t]|^(?:null|true|false|~|[-+.\d][\d.e+_-]*|)$/i;

/** Text as a YAML scalar; in quotes where it needs them, or where it has them already. */
export function scalar(text: string, style: 'block' | 'flow', quote: '"' | "'" | null = null): string {
  const needsQuotes = special.test(text) || (style === 'flow' && /[,[\]{}]/.test(text));
  if (quote === "'") return `'${text.replaceAll("'", "''")}'`;
  return quote === '"' || needsQuotes ? JSON.stringify(text) : text;
}
