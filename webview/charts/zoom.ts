import type { Range } from './scale.ts';

/** A range of whole iterations that lies in the extent and holds at least two of them; null when it holds all. */
export function within([low, high]: Range, [first, last]: Range): Range | null {
  const span = Math.max(1, Math.round(high) - Math.round(low));
  if (span >= last - first) return null;
  const from = Math.min(Math.max(first, Math.round(low)), last - span);
  return [from, from + span];
}
