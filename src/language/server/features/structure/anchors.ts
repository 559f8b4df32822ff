import {
  LSPErrorCodes,
  ResponseError,
  type Location,
  type Position,
  type Range,
  type WorkspaceEdit,
} from 'vscode-languageserver/node';
import { anchorAt, anchorsOf } from '../../anchors.ts';
import type { Asked } from '../../request.ts';

/** Where the anchor at a position is defined and used. */
export function references({ config }: Asked, at: Position, withDefinition: boolean): Location[] {
  const anchor = anchorAt(config, at)?.anchor;
  if (!anchor) return [];
  const defined = withDefinition && anchor.defined ? [anchor.defined] : [];
  return [...defined, ...anchor.uses].map((range) => ({ uri: config.document.uri, range }));
}

/** The name that can be changed at a position: that of an anchor. */
export function prepareRename({ config }: Asked, at: Position): Range | null {
  return anchorAt(config, at)?.range ?? null;
}

/** @throws ResponseError for a name that YAML does not allow, or that another anchor has */
export function rename({ config }: Asked, at: Position, name: string): WorkspaceEdit | null {
  const found = anchorAt(config, at);
  if (!found) return null;
  const refuse = (message: string) => new ResponseError(LSPErrorCodes.RequestFailed, message);
  if (!/^[^\s[\]{},*&]+$/.test(name))
    throw refuse(`An anchor cannot be called "${name}": its name has no spaces, commas, brackets or braces.`);
  const { anchor } = found;
  if (anchorsOf(config).some((other) => other !== anchor && other.name === name))
    throw refuse(`There is another anchor "${name}" in this config.`);
  const ranges = [...(anchor.defined ? [anchor.defined] : []), ...anchor.uses];
  return { changes: { [config.document.uri]: ranges.map((range) => ({ range, newText: name })) } };
}
