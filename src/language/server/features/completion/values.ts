import { basename } from 'node:path';
import { nameFrom } from '../../../../../engine/config/issues.ts';
import { joinPath } from '../../../../../engine/config/tree.ts';
import { defaultFor, keyAt, type KeyInfo } from '../../../../../engine/config/walk.ts';
import { textAt, type Around } from './around.ts';
import { blockOnALine, filledIn } from './blocks.ts';
import { checkpointOffers } from './checkpoints.ts';
import { baseOffers, columnOffers, fileOffers, functionOffers } from './files.ts';
import { Kind, scalar, type Offer } from './item.ts';
import { numberOffers } from './numbers.ts';
import { promptOffers } from './prompt-words.ts';
import { keyOf, type ValueSpot } from './spot.ts';

/** The values that can be written at a place. */
export async function valueOffers(around: Around, spot: ValueSpot): Promise<Offer[]> {
  const { path } = spot;
  const offers = path.at(-1) === '<<' || spot.alias ? aliasOffers(around) : await offersFor(around, spot);
  return spot.glued
    ? offers.map((offer) => ({ ...offer, text: apart(offer.text), filter: offer.filter ?? offer.label }))
    : offers;
}

/** A blank, where no line break follows what comes before. */
function apart(text: string): string {
  return text.startsWith('\n') ? text : ` ${text}`;
}

async function offersFor(around: Around, spot: ValueSpot): Promise<Offer[]> {
  const list = spot.path.slice(0, -1);
  if (typeof spot.path.at(-1) === 'number') {
    const ofList = keyAt(joinPath(list));
    if (ofList?.kind === 'choices') return itemOffers(ofList, around, spot);
    return ofList?.kind === 'prompts' ? promptOffers(around, spot) : [];
  }
  const info = keyOf(spot.path);
  if (info === null) return [];
  const none = info.nullable ? [nullOffer(info, around)] : [];
  switch (info.path) {
    case 'policy.weights':
      return [
        ...(await checkpointOffers(around, spot)),
        ...(await fileOffers(around, spot, ['.safetensors'])),
        ...none,
      ];
    case 'reward.python':
      return [...(await functionOffers(around, spot)), ...none];
    case 'prompts.file':
      return fileOffers(around, spot, ['.txt', '.csv', '.jsonl']);
    case 'prompts.column':
      return columnOffers(around, spot);
    case 'extends':
      return baseOffers(around, spot);
    case 'name':
      return nameOffers(around, spot);
  }
  if (info.kind === 'prompts') return [...sourceOffers(around, spot), ...none];
  if (info.kind === 'block') return spot.sameLine ? [...blockOffers(info, around, spot), ...none] : none;
  const several = info.kind === 'choices' && spot.sameLine && spot.quote === null ? [listOffer] : [];
  return [...wordOffers(info, around, spot), ...several, ...numberOffers(around, info), ...none];
}

/** Anchors that are set before the cursor. */
function aliasOffers({ spot: { outline, cursor } }: Around): Offer[] {
  const names = outline.anchors.filter(({ at }) => at < cursor).map(({ name }) => name);
  return [...new Set(names)].map((name) => ({ label: `*${name}`, text: `*${name}`, kind: Kind.Reference }));
}

function nullOffer(info: KeyInfo, { model }: Around): Offer {
  const isDefault = defaultFor(info, model) === null;
  const meaning = info.meta.defaultText ?? '';
  return {
    ...{ label: 'null', text: 'null', kind: Kind.Constant },
    detail: isDefault ? [meaning, 'the default'].filter(Boolean).join('; ') : meaning,
    preselect: isDefault,
  };
}

/** The words of a choice, or true and false, each with what it does. */
function wordOffers(info: KeyInfo, { model }: Around, spot: ValueSpot): Offer[] {
  const usual = String(defaultFor(info, model));
  const words = info.kind === 'boolean' ? ['true', 'false'] : info.choices;
  return words.map((word) => {
    const text = info.kind === 'boolean' ? word : scalar(word, spot.style, spot.quote);
    const isDefault = word === usual;
    return {
      ...{ label: word, text, kind: info.kind === 'boolean' ? Kind.Value : Kind.EnumMember, filter: text },
      detail: [info.meta.values?.[word] ?? '', isDefault ? 'the default' : ''].filter(Boolean).join('; ') || undefined,
      preselect: isDefault,
    };
  });
}

/** Several words in place of one. */
const listOffer: Offer = {
  ...{ label: 'a list', text: '[$1]', isSnippet: true, kind: Kind.Snippet, leadsOn: true },
  ...{ detail: 'of several', filter: '[' },
};

/** The words of a list that are not in it yet. */
function itemOffers(info: KeyInfo, around: Around, spot: ValueSpot): Offer[] {
  const { nodes } = around.spot.outline;
  const list = joinPath(spot.path.slice(0, -1));
  const others = nodes.filter(({ path }) => joinPath(path.slice(0, -1)) === list && path.at(-1) !== spot.path.at(-1));
  const taken = new Set(others.map(({ path }) => textAt(around.spot, path)));
  return wordOffers(info, around, spot)
    .filter(({ label }) => !taken.has(label))
    .map((offer) => ({ ...offer, preselect: false }));
}

/** A block behind its key: on the same line, or on lines of its own. */
function blockOffers(info: KeyInfo, { model }: Around, spot: ValueSpot): Offer[] {
  const text = blockOnALine(info, model);
  const label = filledIn(text);
  const oneLine: Offer = { label, text, isSnippet: true, kind: Kind.Snippet, documentation: info.meta.description };
  if (spot.style === 'flow') return [oneLine];
  const lines = info.children.map(({ name }) => name).join(', ');
  const below: Offer = {
    label: 'keys on lines below',
    text: '\n  $0',
    isSnippet: true,
    kind: Kind.Snippet,
    detail: lines,
  };
  return [{ ...below, leadsOn: true }, oneLine];
}

/** What prompts can be: all of Shapes, a file, a list. */
function sourceOffers({ model }: Around, spot: ValueSpot): Offer[] {
  const all: Offer = {
    label: 'all',
    text: 'all',
    kind: Kind.EnumMember,
    detail: 'the 72 prompts of Shapes',
    preselect: true,
  };
  const file: Offer = {
    ...{ label: '{ file: … }', text: '{ file: $1 \\}', isSnippet: true, kind: Kind.Snippet, leadsOn: true },
    detail: 'a .txt, .csv or .jsonl, relative to this config',
    filter: '{ file',
  };
  const isLine = spot.style === 'block' && spot.sameLine;
  const item = spot.style === 'flow' ? '[$1]' : isLine ? '\n  - $0' : '- $0';
  const list: Offer = {
    label: 'a list',
    text: item,
    isSnippet: true,
    kind: Kind.Snippet,
    detail: 'prompts, one a line',
  };
  return [...(model === 'shapes' ? [all] : []), ...(spot.sameLine ? [file] : []), { ...list, leadsOn: true }];
}

/** The name that the run has anyway: that of the file, or of the model. */
function nameOffers({ asked: { config }, model }: Around, spot: ValueSpot): Offer[] {
  const file = config.file === null ? null : nameFrom(basename(config.file).replace(/(\.sage)?\.ya?ml$/i, ''));
  const named = (name: string, detail: string): Offer => {
    const text = scalar(name, spot.style, spot.quote);
    return { label: name, text, kind: Kind.Value, detail, filter: text };
  };
  const ofModel = named(model, 'the model');
  return file === null || file === model ? [ofModel] : [named(file, 'the name of the file, the default'), ofModel];
}
