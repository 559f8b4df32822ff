/** Made when it is first needed: the first one of a process takes some milliseconds, and the extension loads this file. */
let numeric: Intl.Collator | undefined;

type Dated = { id: string; created: string | null };

/** Newest first; runs that cannot be read last. */
export function newestFirst(a: Dated, b: Dated): number {
  const [first, second] = [a.created ?? '', b.created ?? ''];
  if (first !== second) return first < second ? 1 : -1;
  numeric ??= new Intl.Collator('en', { numeric: true });
  return -numeric.compare(a.id, b.id);
}
