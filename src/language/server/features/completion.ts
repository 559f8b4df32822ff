import type { CompletionItem, Position } from 'vscode-languageserver/node';
import type { ConfigText } from '../config-text.ts';
import type { Asked } from '../request.ts';
import { around, indentOf } from './completion/around.ts';
import { items } from './completion/item.ts';
import { keyOffers } from './completion/keys.ts';
import type { Outline } from './completion/outline.ts';
import { outlineOf, spotAt } from './completion/spot.ts';
import { valueOffers } from './completion/values.ts';

/**
 * What can be written at a position: the keys that the schema allows there and that are not written yet, or values.
 * It reads the text by itself, since yaml-language-server offers no keys in `{ … }` behind a blank, all of them in a
 * comment, and those of an outer block at an indentation where none can stand.
 */
export async function complete(asked: Asked, at: Position): Promise<CompletionItem[]> {
  if (!asked.config.readable) return [];
  const { document } = asked.config;
  const text = document.getText();
  const spot = spotAt(text, document.offsetAt(at), outlineFor(asked.config, text));
  const known = around(asked, spot);
  const keys = spot.key === null ? [] : keyOffers(known, spot.key);
  const values = spot.value === null ? [] : await valueOffers(known, spot.value);
  const word = (spot.key ?? spot.value)?.word;
  if (word === undefined) return [];
  const indent = indentOf(spot.outline);
  const offers = [...keys, ...values].map((offer) => ({
    ...offer,
    text: offer.text.replaceAll('\n  ', `\n${indent}`),
  }));
  return items(offers, document, word, asked.settings.commands);
}

/** Of each version of a config; the editor's document itself changes in place. */
const outlines = new WeakMap<ConfigText, { text: string; outline: Outline }>();

function outlineFor(config: ConfigText, text: string): Outline {
  const known = outlines.get(config);
  if (known?.text === text) return known.outline;
  const outline = outlineOf(text);
  outlines.set(config, { text, outline });
  return outline;
}
