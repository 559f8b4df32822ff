const numeric = new Intl.Collator('en', { numeric: true });

type Dated = { id: string; created: string | null };

/** Newest first; runs that cannot be read last. */
export function newestFirst(a: Dated, b: Dated): number {
  const [first, second] = [a.created ?? '', b.created ?? ''];
  if (first !== second) return first < second ? 1 : -1;
  return -numeric.compare(a.id, b.id);
}
