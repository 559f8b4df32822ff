import { useSignal, type ReadonlySignal } from '@preact/signals';
import { useLayoutEffect } from 'preact/hooks';
import { watchVisible } from '../media/visible.ts';

/** Whether an element can be seen; true until that is known. */
export function useSeen(place: { readonly current: Element | null }): ReadonlySignal<boolean> {
  const seen = useSignal(true);
  useLayoutEffect(() => watchVisible(place.current!, (visible) => (seen.value = visible)), []);
  return seen;
}
