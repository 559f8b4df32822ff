import type { Range } from 'vscode-languageserver/node';
import { analyseText } from '../../../../../engine/config/analyse.ts';
import type { Edit } from '../../../../../engine/config/diagnostics.ts';
import type { Config } from '../../../../../engine/config/schema.ts';
import { rootKey, type KeyInfo } from '../../../../../engine/config/walk.ts';
import type { ConfigText } from '../../config-text.ts';
import { isBlock, splitPath, valueAt } from '../../../../../engine/config/data.ts';
import type { Splice } from '../edits/draft.ts';
import { editText } from '../edits.ts';
import type { Offer } from './offer.ts';

const isBlockOrPrompts = ({ kind }: KeyInfo) => kind === 'block' || kind === 'prompts';

/** One for every block of a config that is not there. @param isAutomatic whether nobody asked, so that it must be near */
export function blockOffers({ analysis, document }: ConfigText, { start }: Range, isAutomatic: boolean): Offer[] {
  const line = document.getText({
    start: { line: start.line, character: 0 },
    end: { line: start.line + 1, character: 0 },
  });
  if (isAutomatic && line.trim() !== '') return [];
  const isReadable = analysis.config !== null || analysis.diagnostics.every(({ code }) => code === 'config/empty');
  const absent = isReadable
    ? rootKey.children.filter((info) => isBlockOrPrompts(info) && !analysis.tree.places.has(info.path))
    : [];
  return absent.map(({ name }) => ({
    title: `Add the block ${name}`,
    kind: 'refactor.rewrite',
    deed: ['addBlock', name],
  }));
}

/** Adds a block with its defaults. */
export function withBlock(config: ConfigText, name: string): Splice[] | null {
  const info = rootKey.children.find((child) => child.name === name);
  if (info === undefined) return null;
  return withoutComplaints(config, (resolved, skipped) => {
    const isShapes = resolved.policy.backend === 'onnx';
    const leftOut = (key: KeyInfo, value: unknown) =>
      value === null || skipped.has(key.path) || (key.meta.torchOnly === true && isShapes);
    const isFile = name === 'prompts' && resolved.prompts === 'all' && resolved.policy.model !== 'shapes';
    const value = isFile ? { file: 'prompts.txt' } : defaults(info, resolved, leftOut);
    return [{ kind: 'set', path: name, value }];
  });
}

/** Writes every key that is not written, with the value that it has. */
export function completed(config: ConfigText): Splice[] | null {
  const { tree } = config.analysis;
  // Its name follows from the file's, and changes with it.
  const derived = new Set(['name', 'extends']);
  return withoutComplaints(config, (resolved, skipped) => {
    const leftOut = ({ path }: KeyInfo) => skipped.has(path) || derived.has(path);
    const missing = (info: KeyInfo): Edit[] =>
      info.children.flatMap((child) => {
        if (leftOut(child)) return [];
        const written = valueAt(tree.value, splitPath(child.path));
        if (child.kind === 'block' && isBlock(written)) return missing(child);
        if (written !== undefined && (child.kind !== 'block' || child.nullable)) return [];
        const value = defaults(child, resolved, leftOut);
        return value === undefined ? [] : [{ kind: 'set', path: child.path, value }];
      });
    return missing(rootKey);
  });
}

type LeftOut = (key: KeyInfo, value: unknown) => boolean;

/** What a key has in a config, block by block in the order of the schema. */
function defaults(info: KeyInfo, resolved: Config, leftOut: LeftOut): unknown {
  const value = valueAt(resolved, splitPath(info.path));
  if (info.kind !== 'block' || value === null) return value;
  const block: Record<string, unknown> = {};
  for (const child of info.children) {
    const inner = defaults(child, resolved, leftOut);
    const isEmpty = isBlock(inner) && Object.keys(inner).length === 0;
    if (inner !== undefined && !isEmpty && !leftOut(child, inner)) block[child.name] = inner;
  }
  return block;
}

/** Does edits, less the keys of which the config's rules would complain, such as one without effect beside the others. */
function withoutComplaints(
  { analysis, document, file }: ConfigText,
  edits: (resolved: Config, skipped: ReadonlySet<string>) => Edit[],
): Splice[] | null {
  const options = { file: file ?? undefined, checkFiles: file !== null };
  const resolved = analysis.config ?? analyseText('policy: {}', options).config!;
  const known = new Set(analysis.diagnostics.map(({ code, path }) => `${code} ${path}`));
  const skipped = new Set<string>();
  for (;;) {
    const changed = editText(document.getText(), edits(resolved, skipped));
    if (changed === null) return null;
    const news = analyseText(changed.text, options).diagnostics.filter(
      ({ severity, code, path }) =>
        severity === 'warning' &&
        !known.has(`${code} ${path}`) &&
        !skipped.has(path) &&
        !analysis.tree.places.has(path),
    );
    if (news.length === 0) return changed.changes();
    for (const { path } of news) skipped.add(path);
  }
}
