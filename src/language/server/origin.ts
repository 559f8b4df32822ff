import type { ConfigAnalysis } from '../../../engine/config/analyse.ts';
import type { ConfigText } from './config-text.ts';

/** Where the value of a key comes from. */
export type Origin =
  | { kind: 'written' }
  /** From what the config extends: its name, its file, and the line (1-based) that says it. */
  | { kind: 'base'; name: string; file: string; place: { value: { line: number } } }
  | { kind: 'default' };

type Answering = ConfigAnalysis & { originOf?(path: string): Origin };

/** Where the value at a path comes from. */
export function originOf({ analysis }: ConfigText, path: string): Origin {
  const known = (analysis as Answering).originOf?.(path);
  return known ?? (analysis.tree.places.has(path) ? { kind: 'written' } : { kind: 'default' });
}
