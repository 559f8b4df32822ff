import type { ConfigAnalysis } from '../../../engine/config/analyse.ts';

/** Paths with an error, and the paths above those. */
interface Refused {
  at: Set<string>;
  above: Set<string>;
}

const refusals = new WeakMap<ConfigAnalysis, Refused>();

/** Errors of a combination, whose values are those that are written: what follows from them is null by itself. */
const combinations = new Set(
  ['micro-batch', 'accumulation', 'data-parallel', 'sequence-parallel', 'steps-too-many', 'nothing-to-train'].map(
    (name) => `config/${name}`,
  ),
);
const unknown = new Set(['config/unknown-key', 'config/unknown-component']);

/** Where the config may hold only a default: at errors, and at what a misspelt key may have been meant for. */
function refusedBy(analysis: ConfigAnalysis): Refused {
  const known = refusals.get(analysis);
  if (known !== undefined) return known;
  const refused: Refused = { at: new Set(), above: new Set() };
  for (const { severity, code, path, remedy } of analysis.diagnostics) {
    if (severity !== 'error' || combinations.has(code)) continue;
    const at = unknown.has(code) ? meantPath(path, remedy) : path;
    if (at === null || (unknown.has(code) && analysis.tree.places.has(at))) continue;
    refused.at.add(at);
    for (const outer of pathsAbove(at)) refused.above.add(outer);
  }
  refusals.set(analysis, refused);
  return refused;
}

/** The paths of the blocks around a path, and the empty path of the whole. */
function pathsAbove(path: string): string[] {
  const parts = path.split('.');
  return parts.map((_, length) => parts.slice(0, length).join('.'));
}

/** The path that the remedy for an unknown key proposes; null where it proposes none. */
export function meantPath(path: string, remedy: string): string | null {
  const word = /^Did you mean `([^`]+)`/.exec(remedy)?.[1];
  if (word === undefined) return null;
  if (remedy.includes('belongs there')) return word;
  return [...path.split('.').slice(0, -1), word].join('.');
}

/** Whether the config has values at these paths that can be reckoned with: none is refused, nor what is in it or around it. */
export function isTrusted(analysis: ConfigAnalysis, paths: readonly string[]): boolean {
  if (analysis.config === null) return false;
  const { at, above } = refusedBy(analysis);
  return !paths.some((path) => at.has(path) || above.has(path) || pathsAbove(path).some((outer) => at.has(outer)));
}
