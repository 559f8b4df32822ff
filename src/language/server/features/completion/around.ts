import { dirname } from 'node:path';
import { parse } from 'yaml';
import { modelNames, type ModelName } from '../../../../../engine/config/key.ts';
import { resolve } from '../../../../../engine/config/resolve.ts';
import type { Config } from '../../../../../engine/config/schema.ts';
import { closest } from '../../../../../engine/spelling.ts';
import type { Asked } from '../../request.ts';
import { deepest, type Outline, type OutlineNode } from './outline.ts';
import type { Spot } from './spot.ts';

/** What the rest of a config says that matters at the cursor; each is found out when it is first asked for. */
export interface Around {
  readonly asked: Asked;
  readonly spot: Spot;
  /** The generator that is trained. */
  readonly model: ModelName;
  /** Every value filled in, also where the text is broken. */
  readonly config: Config;
  /** From where relative paths start; null for a config that has no file. */
  readonly folder: string | null;
}

export function around(asked: Asked, spot: Spot): Around {
  let model: ModelName | undefined;
  let config: Config | undefined;
  return {
    asked,
    spot,
    get model() {
      return (model ??= modelOf(asked, spot));
    },
    get config() {
      return (config ??= asked.config.analysis.config ?? resolve(plainOf(spot, spot.outline.root)).config);
    },
    folder: asked.config.file === null ? null : dirname(asked.config.file),
  };
}

function modelOf({ config }: Asked, spot: Spot): ModelName {
  const written = textAt(spot, ['policy', 'model']);
  const named = written === null ? null : closest(written, modelNames);
  if (named !== null) return named as ModelName;
  // A base or an anchor may name it. All else does without the analysis, which takes longer than everything here.
  const bases = [['extends'], ['<<'], ['policy', '<<']].some((path) => nodeAt(spot.outline, path) !== null);
  const elsewhere = bases || nodeAt(spot.outline, ['policy'])?.kind === 'alias';
  return (elsewhere ? config.analysis.config?.policy.model : null) ?? 'shapes';
}

/** By how much the blocks of a text are indented. */
export function indentOf({ nodes }: Outline): string {
  const inner = nodes.find(({ kind, style, path }) => kind === 'map' && style === 'block' && path.length === 1);
  return ' '.repeat(inner === undefined ? 2 : Math.max(1, inner.indent - inner.parent!.indent));
}

/** What is written at a path. */
export function nodeAt({ root }: Outline, path: readonly (string | number)[]): OutlineNode | null {
  let at: OutlineNode | undefined = root;
  for (const name of path) at = at?.children.find((child) => child.path.at(-1) === name);
  return at ?? null;
}

/** The scalar at a path, without its quotes; null where there is none. */
export function textAt(spot: Spot, path: readonly (string | number)[]): string | null {
  const node = nodeAt(spot.outline, path);
  const value = node === null ? null : plainOf(spot, node);
  return value === null || value === undefined || typeof value === 'object' ? null : String(value);
}

/** The value of a node as plain data, as far as it can be made out. */
function plainOf(spot: Spot, node: OutlineNode): unknown {
  if (node.path.length > deepest) return null;
  if (node.kind === 'list' && node !== spot.outline.root) return node.children.map((child) => plainOf(spot, child));
  if (node.kind === 'map' || node === spot.outline.root) {
    const entries = node.children.map((child) => [String(child.path.at(-1)), plainOf(spot, child)]);
    return Object.assign(Object.create(null), Object.fromEntries(entries));
  }
  if (node.value === null || node.kind === 'alias') return null;
  const text = spot.text.slice(node.value.start, node.value.end);
  try {
    return parse(text, { logLevel: 'silent' });
  } catch {
    return text;
  }
}
