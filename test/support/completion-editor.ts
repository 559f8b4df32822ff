import { InsertTextFormat, type CompletionItem, type TextEdit } from 'vscode-languageserver/node';
import { TextDocument } from 'vscode-languageserver-textdocument';
import { complete } from '../../src/language/server/features/completion.ts';
import { asked } from './language.ts';

/** An editor with one config in it, as far as completion needs one: typing, Enter, accepting an item and its tab stops. */
export interface CompletionEditor {
  readonly text: string;
  /** What is offered at the cursor. */
  offers(): Promise<CompletionItem[]>;
  /** Types over what a tab stop has selected. */
  type(text: string): void;
  /** A new line with this indentation. */
  enter(indent: number): void;
  /** Leaves the tab stops as they are, for the end of the text. */
  leave(): void;
  /**
   * Accepts what is offered by this name. Throws when nothing is; the cursor then is at the first tab stop.
   * @returns where it was put
   */
  accept(label: string): Promise<number>;
}

export function completionEditor(file: string, settings: object = {}, begin = { text: '', at: 0 }): CompletionEditor {
  let text = begin.text;
  let selection = { start: begin.at, end: begin.at };
  const replace = (start: number, end: number, inserted: string) => {
    text = text.slice(0, start) + inserted + text.slice(end);
    selection = { start: start + inserted.length, end: start + inserted.length };
  };
  const document = () => TextDocument.create('file:///text', 'sage-yaml', 1, text);
  const editor: CompletionEditor = {
    get text() {
      return text;
    },
    offers: () => complete(asked(text, file, settings), document().positionAt(selection.end)),
    type: (typed) => replace(selection.start, selection.end, typed),
    enter: (indent) => replace(selection.end, selection.end, `\n${' '.repeat(indent)}`),
    leave: () => void (selection = { start: text.length, end: text.length }),
    async accept(label) {
      const items = await editor.offers();
      const item = items.find((each) => each.label === label);
      if (item === undefined)
        throw new Error(`${label} is not offered among ${items.map((each) => each.label).join(', ')} in\n${text}`);
      const { range, newText } = item.textEdit as TextEdit;
      const [start, end] = [document().offsetAt(range.start), document().offsetAt(range.end)];
      const indent = /^ */.exec(text.slice(text.lastIndexOf('\n', start - 1) + 1))![0];
      const lines = newText.replaceAll('\n', `\n${indent}`);
      const snippet = item.insertTextFormat === InsertTextFormat.Snippet ? expand(lines) : { text: lines, stop: null };
      replace(start, end, snippet.text);
      if (snippet.stop !== null) selection = { start: start + snippet.stop.start, end: start + snippet.stop.end };
      return start;
    },
  };
  return editor;
}

/** A snippet as text, and what its first tab stop selects. */
export function expand(snippet: string): { text: string; stop: { start: number; end: number } | null } {
  const stops: { number: number; start: number; end: number }[] = [];
  let text = '';
  const stop = /\\([\\$},|])|\$(\d+)|\$\{(\d+)(?::((?:[^}\\]|\\.)*)|\|((?:[^|\\]|\\.)*)\|)?\}|([^\\$]|[\\$])/gs;
  for (const [, escaped, bare, number, placeholder, choices, plain] of snippet.matchAll(stop)) {
    const start = text.length;
    const first = choices?.split(/(?<!\\),/)[0] ?? placeholder ?? '';
    text += escaped ?? plain ?? first.replace(/\\(.)/g, '$1');
    if (bare !== undefined || number !== undefined)
      stops.push({ number: Number(bare ?? number) || Infinity, start, end: text.length });
  }
  const [chosen] = stops.sort((a, b) => a.number - b.number);
  return { text, stop: chosen ?? null };
}
