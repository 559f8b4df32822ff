import { pathToFileURL } from 'node:url';
import {
  DiagnosticSeverity,
  DiagnosticTag,
  type Diagnostic,
  type DiagnosticRelatedInformation,
  type Range,
} from 'vscode-languageserver/node';
import { isScalar, visit } from 'yaml';
import type { Diagnostic as Finding, Fix } from '../../../../../engine/config/diagnostics.ts';
import { showValue } from '../../../../../engine/config/text.ts';
import { keyName, type Place } from '../../../../../engine/config/tree.ts';
import type { ConfigText } from '../../config-text.ts';
import { rangeOf as placeRange } from '../../places.ts';
import { splitPath, valueAt } from '../../../../../engine/config/data.ts';
import { coded } from './code.ts';

/** What a finding carries for its quick fixes. */
export interface DiagnosticData {
  /** Dotted path of the key; empty for the file as a whole. */
  path: string;
  fixes: readonly Fix[];
}

/** What the config's own rules say, in the order of the text. */
export function ownDiagnostics(config: ConfigText): Diagnostic[] {
  const toRange = places(config);
  let firsts: Map<number, Range> | undefined;
  const firstOf = ({ line, column }: Finding) => {
    firsts ??= firstPlaces(config);
    return firsts.get((config.syntax?.lines.lineStarts[line - 1] ?? 0) + column - 1);
  };
  return config.analysis.diagnostics.map((finding) => {
    const { severity, code, message, remedy, path, fixes = [] } = finding;
    const data: DiagnosticData = { path, fixes };
    const related = relatedTo(finding, config, toRange, firstOf);
    return {
      range: rangeOf(finding, config, toRange),
      severity: severity === 'error' ? DiagnosticSeverity.Error : DiagnosticSeverity.Warning,
      ...coded(code),
      message: `${message} ${remedy}`,
      ...(hasNoEffect(finding) && { tags: [DiagnosticTag.Unnecessary] }),
      ...(related.length > 0 && { relatedInformation: related }),
      data,
    };
  });
}

type ToRange = (place: Place) => Range;

/** Places of the engine as ranges of the document. The engine breaks lines at `\n` alone, an editor at a lone `\r` too. */
function places({ document }: ConfigText): ToRange {
  const text = document.getText();
  const first = text.startsWith('\uFEFF') ? 1 : 0;
  const starts = [first];
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) starts.push(at + 1);
  const position = (line: number, column: number) => {
    const start = starts[line - 1] ?? text.length;
    return document.positionAt(Math.min(start + column - 1, starts[line] ?? text.length));
  };
  return ({ line, column, endLine, endColumn }) => ({
    start: position(line, column),
    end: position(endLine, endColumn),
  });
}

/** What is underlined: never more than a line, since a whole block in red says nothing. */
function rangeOf(finding: Finding, config: ConfigText, toRange: ToRange): Range {
  const { tree } = config.analysis;
  const written = tree.places.get(finding.path);
  if (finding.path !== '' && written === undefined && isNowhere(finding)) {
    // A default is at fault: its place is the config, which begins with its first key.
    const [key] = [...tree.places.values()].map((place) => place.key).filter((place) => place !== null);
    return toRange(key ?? finding);
  }
  const range = toRange(finding);
  if (range.start.line === range.end.line) return range;
  if (written?.key && written.key.line === written.key.endLine) return toRange(written.key);
  const line = { start: { line: range.start.line, character: 0 }, end: { line: range.start.line + 1, character: 0 } };
  const length = config.document.getText(line).trimEnd().length;
  return { start: range.start, end: { line: range.start.line, character: Math.max(length, range.start.character) } };
}

function isNowhere({ line, column, endLine, endColumn }: Place): boolean {
  return line === 1 && column === 1 && endLine === 1 && endColumn === 1;
}

const idle = new Set(['config/no-effect', 'config/torch-only']);

/** Whether the line may go: it is ignored, and to remove it is the remedy. */
function hasNoEffect({ code, path, remedy, fixes = [] }: Finding): boolean {
  const isRemoved = fixes.some(
    ({ edits: [edit, ...more] }) => edit?.kind === 'remove' && edit.path === path && !more.length,
  );
  return idle.has(code) && (isRemoved || remedy.startsWith('Remove the line'));
}

/** The other keys that a finding names, where they are written. */
function relatedTo(
  finding: Finding,
  config: ConfigText,
  toRange: ToRange,
  firstOf: (finding: Finding) => Range | undefined,
): DiagnosticRelatedInformation[] {
  const { uri } = config.document;
  if (finding.code === 'config/duplicate-key') {
    const range = firstOf(finding);
    return range === undefined ? [] : [{ location: { uri, range }, message: 'It stands here first.' }];
  }
  const { tree } = config.analysis;
  const inBase = writtenInBase(finding.path, config);
  const named = `${finding.message} ${finding.remedy}`.match(/[a-z][a-z0-9_]*(?:\.[A-Za-z][A-Za-z0-9_]*)+/g) ?? [];
  const others = [...new Set(named)].flatMap((path) => {
    const written = tree.places.get(path);
    if (path === finding.path || written?.value.flag !== undefined) return [];
    if (written === undefined) return writtenInBase(path, config);
    const place = written.value.line === written.value.endLine ? written.value : (written.key ?? written.value);
    const message = `${path} is ${showValue(valueAt(tree.value, splitPath(path)))}.`;
    return [{ location: { uri, range: toRange(place) }, message }];
  });
  return [...inBase, ...others];
}

/** The line of the extended config that says what is found. */
function writtenInBase(path: string, { analysis }: ConfigText): DiagnosticRelatedInformation[] {
  const origin = analysis.originOf(path);
  if (origin.kind !== 'base') return [];
  const { name, file, place } = origin;
  const location = { uri: pathToFileURL(file).href, range: placeRange(place.key ?? place.value) };
  return [{ location, message: `${path} is written in ${name}.` }];
}

/** For every key that stands a second time in its block, by its offset: where it stands first. */
function firstPlaces({ document, syntax }: ConfigText): Map<number, Range> {
  const found = new Map<number, Range>();
  if (syntax === null) return found;
  visit(syntax.root, {
    Map(_, { items }) {
      const first = new Map<string, [from: number, to: number]>();
      for (const { key } of items) {
        if (!isScalar(key) || !key.range) continue;
        const [from, to] = key.range;
        const known = first.get(keyName(key));
        if (known === undefined) first.set(keyName(key), [from, to]);
        else found.set(from, { start: document.positionAt(known[0]), end: document.positionAt(known[1]) });
      }
    },
  });
  return found;
}
