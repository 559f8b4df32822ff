import type { KeyInfo } from '../../../../../engine/config/walk.ts';
import { detailOf, documentationOf } from './about.ts';
import type { Around } from './around.ts';
import { blockSnippets, valueStop, wholeConfigs } from './blocks.ts';
import { Kind, type Offer } from './item.ts';
import { keysOf, type KeySpot } from './spot.ts';

/** Keys whose values are looked up once the key is written, so that no placeholder stands in the way. */
const lookedUp = new Set([
  ...['name', 'extends', 'prompts', 'evaluation.prompts', 'policy.weights'],
  ...['prompts.file', 'prompts.column', 'reward.python', 'reward.held_out'],
]);

/** The keys that can be written at a place, in the order of the schema, each followed by the ways to write it whole. */
export function keyOffers(around: Around, spot: KeySpot): Offer[] {
  const { outline } = around.spot;
  const isEmptyFile = outline.root.children.length === 0 && spot.path.length === 0 && spot.style === 'block';
  const canHoldLines = spot.follows === 'nothing' && !(spot.style === 'flow' && spot.comma);
  return [
    ...(isEmptyFile && spot.follows === 'nothing' ? wholeConfigs() : []),
    ...keysOf(spot.path)
      .filter(({ name }) => !spot.written.has(name))
      .flatMap((info) => [
        keyOffer(around, spot, info),
        ...(canHoldLines
          ? blockSnippets(info, around.model, spot.style).map((offer) => spaced(around, spot, offer))
          : []),
      ]),
  ];
}

function keyOffer(around: Around, spot: KeySpot, info: KeyInfo): Offer {
  const { model, asked } = around;
  const isBlock = info.kind === 'block' || info.kind === 'prompts';
  const offer: Offer = {
    label: info.name,
    text: info.name,
    kind: info.kind === 'block' ? Kind.Module : Kind.Property,
    detail: detailOf(info, model),
    documentation: documentationOf(info, model),
    filter: info.name,
  };
  if (spot.follows === 'colon') return offer;
  if (spot.follows === 'block') return { ...offer, text: `${info.name}:` };
  const [text, leadsOn] = behindKey(info, spot, around, asked.settings.commands);
  const comma = spot.comma ? ', ' : '';
  return spaced(around, spot, {
    ...offer,
    text: `${info.name}:${text}${comma}`,
    isSnippet: true,
    leadsOn: leadsOn || isBlock,
  });
}

/** What follows a new key: the lines of its block, the words for it, or its default to be typed over. */
function behindKey(info: KeyInfo, spot: KeySpot, { model }: Around, canAsk: boolean): [text: string, leadsOn: boolean] {
  if (info.kind === 'block') return spot.style === 'flow' ? [' { $1 \\}', true] : ['\n  $0', true];
  const isWords = ['choice', 'choices', 'boolean'].includes(info.kind);
  if (lookedUp.has(info.path) || (isWords && canAsk)) return [' $1', true];
  return [` ${valueStop(info, model, 1)}`, false];
}

/** Blanks where the brackets lack them: `{ mode: moving }`. */
function spaced({ spot: { text } }: Around, { style, word }: KeySpot, offer: Offer): Offer {
  if (style === 'block') return offer;
  const before = /[{,]/.test(text[word.start - 1] ?? '') ? ' ' : '';
  const after = text[word.end] === '}' ? ' ' : '';
  return { ...offer, text: before + offer.text + after };
}
