/** Mean of what was measured; null when nothing was. */
export function meanOf(values: readonly (number | null)[]): number | null {
  let sum = 0;
  let known = 0;
  for (const value of values) {
    if (value === null) continue;
    sum += value;
    known += 1;
  }
  return known === 0 ? null : sum / known;
}

/** Largest over smallest of positive numbers; null when there are none. */
export function imbalanceOf(norms: readonly (number | null)[]): number | null {
  let least = Infinity;
  let most = 0;
  for (const norm of norms) {
    if (norm === null) continue;
    least = Math.min(least, norm);
    most = Math.max(most, norm);
  }
  return least === Infinity || least <= 0 ? null : most / least;
}
