/**
 * Edits from one word to another: insertions, deletions, replacements and swaps of neighbours, each 1
 * (optimal string alignment). Case and the characters `_ - .` and space count for nothing.
 */
export function editDistance(a: string, b: string): number {
  const [s, t] = [normalise(a), normalise(b)];
  let [beforeLast, last]: number[][] = [[], Array.from({ length: t.length + 1 }, (_, j) => j)];
  for (let i = 1; i <= s.length; i++) {
    const row = [i];
    for (let j = 1; j <= t.length; j++) {
      const replace = last[j - 1] + (s[i - 1] === t[j - 1] ? 0 : 1);
      row[j] = Math.min(last[j] + 1, row[j - 1] + 1, replace);
      if (i > 1 && j > 1 && s[i - 1] === t[j - 2] && s[i - 2] === t[j - 1])
        row[j] = Math.min(row[j], beforeLast[j - 2] + 1);
    }
    [beforeLast, last] = [last, row];
  }
  return last[t.length];
}

/** The word that was probably meant, or null. At most a third of its letters may differ, and at least one may. */
export function closest(word: string, candidates: readonly string[]): string | null {
  if (word.length > 200) return null;
  let best: { word: string; distance: number } | null = null;
  let tied = false;
  for (const candidate of candidates) {
    const distance = editDistance(word, candidate);
    const allowed = Math.max(1, Math.floor(Math.max(word.length, candidate.length) / 3));
    // A short word with every letter wrong is not a misspelling.
    if (distance > allowed || distance >= Math.min(word.length, candidate.length)) continue;
    tied = best !== null && (distance === best.distance || (tied && distance > best.distance));
    if (best === null || distance < best.distance) best = { word: candidate, distance };
  }
  // Of words this short, each is as near as the next.
  return best === null || (tied && word.length < 4) ? null : best.word;
}

function normalise(word: string): string {
  return word.toLowerCase().replace(/[_\-. ]/g, '');
}
