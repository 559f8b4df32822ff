import { CodeActionTriggerKind, type CodeAction, type CodeActionParams } from 'vscode-languageserver/node';
import type { Asked } from '../request.ts';
import { blockOffers, completed, withBlock } from './actions/blocks.ts';
import { kernelOffers, withKernel } from './actions/kernels.ts';
import { allFixed, fixOffers, hasPreferredFix } from './actions/fixes.ts';
import { explanations } from './actions/explain.ts';
import type { Offer } from './actions/offer.ts';
import { extracted, inlined, presetOffers } from './actions/presets.ts';
import { sorted } from './actions/sort.ts';
import { textEdit } from './edits.ts';
import type { Splice } from './edits/draft.ts';

/** Kinds of actions that there are. */
export const actionKinds = [
  'quickfix',
  'refactor.rewrite',
  'refactor.extract',
  'refactor.inline',
  'source.fixAll.sage',
  'source.sortKeys.sage',
  'source.completeDefaults.sage',
];

/** What an action carries until it is chosen, so that its edit is only worked out then. */
interface Later {
  uri: string;
  /** Of the document, as the editor counts. */
  version: number;
  name: string;
  argument: string;
}

/** Actions whose edit is worked out when they are chosen; null where the text cannot say the result. */
const deeds: Record<string, (asked: Asked, argument: string) => Splice[] | null> = {
  fixAll: ({ config }) => allFixed(config),
  addBlock: ({ config }, block) => withBlock(config, block),
  complete: ({ config }) => completed(config),
  sort: ({ config }) => sorted(config),
  extract: ({ config }, preset) => extracted(config, preset),
  inline: ({ config }) => inlined(config),
  kernel: ({ config }, chosen) => withKernel(config, chosen),
};

/**
 * What can be put right or rearranged in a range, and what explains the findings there. Those with neither an edit nor a
 * command have their edit after `resolveAction`.
 */
export async function codeActions(asked: Asked, params: CodeActionParams): Promise<CodeAction[]> {
  const { config, settings } = asked;
  const { only, triggerKind } = params.context;
  const isWanted = (kind: string) => only === undefined || only.some((each) => `${kind}.`.startsWith(`${each}.`));
  const isAutomatic = triggerKind === CodeActionTriggerKind.Automatic && only === undefined;
  const changes = async (): Promise<Offer[]> => [
    ...(isWanted('quickfix') ? await fixOffers(asked, params) : []),
    ...(isWanted('refactor.rewrite')
      ? [...kernelOffers(config, params.range), ...blockOffers(config, params.range, isAutomatic)]
      : []),
    ...(isAutomatic ? [] : [...presetOffers(config), ...sourceOffers(asked)]),
  ];
  const offers = [
    ...(config.syntax === null ? [] : await changes()),
    ...(settings.commands ? explanations(params.context) : []),
  ];
  return offers.filter(({ kind }) => isWanted(kind)).map((offer) => toAction(offer, asked));
}

function sourceOffers({ config }: Asked): Offer[] {
  return [
    ...(hasPreferredFix(config)
      ? [{ title: 'Fix all that has one likely remedy', kind: 'source.fixAll.sage', deed: ['fixAll', ''] as const }]
      : []),
    { title: 'Sort keys', kind: 'source.sortKeys.sage', deed: ['sort', ''] },
    { title: 'Write out every default', kind: 'source.completeDefaults.sage', deed: ['complete', ''] },
  ];
}

function toAction({ deed, splices, ...shown }: Offer, { config }: Asked): CodeAction {
  const { uri } = config.document;
  if (shown.command !== undefined) return shown;
  if (splices !== undefined) return { ...shown, edit: editOf(config.document, splices) };
  const data: Later = { uri, version: config.version, name: deed![0], argument: deed![1] };
  return { ...shown, data };
}

function editOf(document: Asked['config']['document'], splices: readonly Splice[]): CodeAction['edit'] {
  return { changes: { [document.uri]: splices.map((splice) => textEdit(document, splice)) } };
}

/** The document of an action that has no edit yet; null where it needs none. */
export function documentOf({ edit, data }: CodeAction): string | null {
  const uri = (data as Partial<Later> | undefined)?.uri;
  return edit === undefined && typeof uri === 'string' ? uri : null;
}

/** Gives an action its edit. One whose text was changed since, or that is not possible after all, changes nothing. */
export function resolveAction(asked: Asked, action: CodeAction): CodeAction {
  const { version, name, argument } = action.data as Later;
  const { document, version: current } = asked.config;
  const splices = version === current && Object.hasOwn(deeds, name) ? deeds[name](asked, argument) : null;
  return { ...action, edit: editOf(document, splices ?? []) };
}
