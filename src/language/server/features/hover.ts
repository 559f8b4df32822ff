import type { Hover, Position } from 'vscode-languageserver/node';
import { isAlias, isScalar } from 'yaml';
import { modelNames, type ModelName } from '../../../../engine/config/key.ts';
import { listPresets } from '../../../../engine/config/presets.ts';
import { keyAt, keyOrOwnWeight, type KeyInfo } from '../../../../engine/config/walk.ts';
import type { ConfigText } from '../config-text.ts';
import { factsOf } from '../facts/facts.ts';
import { countOf } from '../figures.ts';
import { code } from '../markdown.ts';
import type { Asked } from '../request.ts';
import { nodeAt, type NodeAt } from '../syntax-at.ts';
import { choices, paperLine, sourceKeyAt, title, type SourceKey } from './hover/about.ts';
import { aliasText, anchorAt } from './hover/anchors.ts';
import { unknownKey } from './hover/unknown.ts';
import { inheritedTable, inheritedValues, originText, resolvedValue, valuesTable } from './hover/values.ts';

/** What a key does, what its value does here, and where that comes from. */
export function hover({ config }: Asked, at: Position): Hover | null {
  if (config.syntax === null) return null;
  const found = nodeAt(config, at);
  if (found === null) {
    const anchor = anchorAt(config, at);
    return anchor === null ? null : shown(anchor.text, anchor.range);
  }
  const parts = [isAlias(found.node) ? aliasText(config, found.node) : null, about(config, found)];
  const text = parts.filter((part) => part !== null).join('\n\n---\n\n');
  return text === '' ? null : shown(text, found.range);
}

function shown(value: string, range: Hover['range']): Hover {
  return { contents: { kind: 'markdown', value }, range };
}

function about(config: ConfigText, found: NodeAt): string | null {
  const info = keyAt(found.path) ?? keyOfItem(config, found.path);
  if (found.path === '') return null;
  if (info !== null) return aboutKey(config, info, found);
  const source = sourceKeyAt(found.path);
  if (source !== null) return aboutSource(config, source, found.path);
  const item = /^((?:evaluation\.)?prompts)\.(\d+)$/.exec(found.path);
  if (item !== null) return aboutPrompt(config, item[1], Number(item[2]));
  const unknown = found.part === 'key' ? unknownKey(config, found.path) : null;
  if (unknown === null) return null;
  const meant = unknown.meant === null ? null : keyAt(unknown.meant);
  return [unknown.text, ...(meant === null ? [] : [title(meant, modelOf(config)), meant.meta.description])].join(
    '\n\n',
  );
}

/** The key of a word in a list of them, and of a component that a function of the user's own gives. */
function keyOfItem({ analysis }: ConfigText, path: string): KeyInfo | null {
  const list = keyAt(path.replace(/\.\d+$/, ''));
  if (list?.kind === 'choices') return list;
  return typeof analysis.config?.reward.python === 'string' ? keyOrOwnWeight(path) : null;
}

/** The model whose defaults count, also while the config has faults. */
function modelOf({ analysis, syntax }: ConfigText): ModelName {
  if (analysis.config !== null) return analysis.config.policy.model;
  const written: unknown = syntax?.root.getIn(['policy', 'model']);
  return modelNames.find((name) => name === written) ?? 'shapes';
}

function aboutKey(config: ConfigText, info: KeyInfo, { part, node }: NodeAt): string {
  const { meta } = info;
  const written = isScalar(node) && part === 'value' ? node.value : undefined;
  const meaning = typeof written === 'string' ? meta.values?.[written] : undefined;
  return [
    title(info, modelOf(config)),
    meta.description,
    info.path === 'extends' ? extendedText(config, written) : null,
    meaning === undefined ? choices(info, resolvedValue(config, info.path)) : `${code(written as string)}: ${meaning}.`,
    hereText(config, info.path),
    info.kind === 'block' ? valuesTable(config, info) : originText(config, info),
    meta.torchOnly === true ? 'Read by the torch policy only.' : null,
    paperLine(info.path, meta),
  ]
    .filter((line) => line !== null)
    .join('\n\n');
}

/** What a config extends: what a preset is by its opening comment, and what comes from there. */
function extendedText(config: ConfigText, written: unknown): string | null {
  const preset = listPresets().find(({ name }) => name === written);
  const values = inheritedValues(config);
  const parts = [
    preset === undefined ? null : `${code(preset.name)}: ${preset.description}`,
    values.length === 0 ? null : `**Here**: gives ${countOf(values.length, 'value')}.\n\n${inheritedTable(values)}`,
  ].filter((part) => part !== null);
  return parts.length === 0 ? null : parts.join('\n\n');
}

/** What a key does in this config: one sentence in its line, more as a list. */
function hereText(config: ConfigText, path: string): string | null {
  const { sentences, table } = factsOf(config, path);
  const said =
    sentences.length > 1
      ? ['**Here**', sentences.map((sentence) => `- ${sentence}`).join('\n')]
      : sentences.map((sentence) => `**Here**: ${sentence}`);
  if (table !== null) said.push(table);
  return said.length === 0 ? null : said.join('\n\n');
}

function aboutSource(config: ConfigText, { meta }: SourceKey, path: string): string {
  return [`**${code(path)}**`, meta.description, hereText(config, path)].filter((line) => line !== null).join('\n\n');
}

/** One prompt of a list. */
function aboutPrompt(config: ConfigText, source: string, index: number): string {
  const list = source === 'prompts' ? config.analysis.config?.prompts : config.analysis.config?.evaluation.prompts;
  const of = Array.isArray(list) && index < list.length ? ` of ${list.length}` : '';
  const info = keyAt(source)!;
  return [`**${code(source)}**, prompt ${index + 1}${of}`, info.meta.description, hereText(config, source)]
    .filter((line) => line !== null)
    .join('\n\n');
}
