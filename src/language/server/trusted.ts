import type { ConfigAnalysis } from '../../../engine/config/analyse.ts';

const refusals = new WeakMap<ConfigAnalysis, string[]>();
/** Errors of a combination, whose values are those that are written: what follows from them is null by itself. */
const combinations = new Set(
  ['micro-batch', 'accumulation', 'data-parallel', 'sequence-parallel', 'steps-too-many', 'nothing-to-train'].map(
    (name) => `config/${name}`,
  ),
);
const unknown = new Set(['config/unknown-key', 'config/unknown-component']);

/** Paths with an error, and those that a misspelt key may have been meant for: there the config may hold only a default. */
function refusedPaths(analysis: ConfigAnalysis): string[] {
  const known = refusals.get(analysis);
  if (known !== undefined) return known;
  const refused = analysis.diagnostics.flatMap(({ severity, code, path, remedy }) => {
    if (severity !== 'error' || combinations.has(code)) return [];
    if (!unknown.has(code)) return [path];
    const meant = meantPath(path, remedy);
    return meant === null || analysis.tree.places.has(meant) ? [] : [meant];
  });
  refusals.set(analysis, refused);
  return refused;
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
  const refused = refusedPaths(analysis);
  const touches = (path: string, other: string) =>
    other === '' || path === other || other.startsWith(`${path}.`) || path.startsWith(`${other}.`);
  return !paths.some((path) => refused.some((other) => touches(path, other)));
}
