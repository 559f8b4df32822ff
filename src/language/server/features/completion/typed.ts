import { literally, scalar, type Offer } from './item.ts';
import type { Spot, ValueSpot } from './spot.ts';

/** What is written of a text up to the cursor, without its opening quote. */
export function typedText({ text, cursor }: Spot, { word, quote }: ValueSpot): string {
  return text.slice(word.start + (quote === null ? 0 : 1), Math.max(cursor, word.start + (quote === null ? 0 : 1)));
}

/** A text as it is inserted. One that is not whole yet leaves the cursor within its quotes. */
export function quoted(text: string, { style, quote }: ValueSpot, isWhole: boolean): Pick<Offer, 'text' | 'isSnippet'> {
  if (isWhole) return { text: scalar(text, style, quote) };
  const trimmed = text.trimEnd();
  const written = scalar(trimmed, style, quote);
  if (written === trimmed) return { text };
  const rest = text.slice(trimmed.length);
  return { text: `${literally(written.slice(0, -1))}${rest}$0${literally(written.slice(-1))}`, isSnippet: true };
}
