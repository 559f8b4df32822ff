import { allPrompts, colors, directions, shapes } from '../../../../../engine/shapes/grammar.ts';
import { nodeAt, textAt, type Around } from './around.ts';
import { Kind, type Offer } from './item.ts';
import { quoted, typedText } from './typed.ts';
import type { ValueSpot } from './spot.ts';

/** What can come next in a prompt of Shapes, after so many words. */
const next: readonly (readonly string[])[] = [colors, shapes, directions.map((word) => `moving ${word}`)];

/** Prompts of Shapes, word by word and as a whole; those that the list has already are left out. */
export function promptOffers(around: Around, spot: ValueSpot): Offer[] {
  if (around.model !== 'shapes') return [];
  const typed = typedText(around.spot, spot);
  return [...wordOffers(typed, spot), ...wholeOffers(around, spot, typed)];
}

function wordOffers(typed: string, spot: ValueSpot): Offer[] {
  const [, article, rest] = /^((?:a|the)\s+)?(.*)$/is.exec(typed)!;
  const words = rest.toLowerCase().split(/\s+/);
  const done = words.slice(0, -1);
  // What is already written must be a prompt so far; `moving` and its direction are one word here.
  const fits = done.every((word, i) => (i < 2 ? next[i].includes(word) : word === 'moving' && i === 2));
  const stage = Math.min(done.length, 2);
  if (!fits || done.length > 3) return [];
  const before = `${article ?? 'a '}${done
    .slice(0, stage)
    .map((word) => `${word} `)
    .join('')}`;
  return next[stage].map((word) => {
    const text = `${before}${word}${stage < 2 ? ' ' : ''}`;
    const shown = article === undefined && stage === 0 ? `a ${word} …` : word;
    return {
      label: shown,
      kind: Kind.Text,
      ...quoted(text, spot, stage === 2),
      filter: filterFor(text, spot),
      leadsOn: stage < 2,
    };
  });
}

function wholeOffers({ spot: around }: Around, spot: ValueSpot, typed: string): Offer[] {
  const listPath = spot.path.slice(0, -1);
  const items = nodeAt(around.outline, listPath)?.children ?? [];
  const written = new Set(
    items.filter(({ path }) => path.at(-1) !== spot.path.at(-1)).map(({ path }) => textAt(around, path)),
  );
  return allPrompts()
    .filter((prompt) => !written.has(prompt) && prompt.startsWith(typed.toLowerCase()))
    .map((prompt) => ({
      label: prompt,
      kind: Kind.Value,
      ...quoted(prompt, spot, true),
      filter: filterFor(prompt, spot),
    }));
}

function filterFor(text: string, { quote }: ValueSpot): string {
  return `${quote ?? ''}${text}`;
}
