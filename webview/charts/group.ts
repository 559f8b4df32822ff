import { signal, type ReadonlySignal, type Signal } from '@preact/signals';
import type { Range } from './scale.ts';
import { within } from './zoom.ts';

/** What the charts of a view share: where the reader points, and which iterations are to be seen. */
export interface ChartGroup {
  /** The iteration pointed at. */
  readonly cursor: Signal<number | null>;
  /** First and last iteration to be seen; null: all. */
  readonly zoom: ReadonlySignal<Range | null>;
  setZoom(range: Range | null): void;
  /** First and last iteration there is. */
  readonly extent: ReadonlySignal<Range>;
  save(name: string, format: 'svg' | 'png' | 'csv', data: string): void;
}

/** @param zoom where the zoom is kept */
export function chartGroup(
  extent: ReadonlySignal<Range>,
  zoom: ReadonlySignal<Range | null>,
  keepZoom: (range: Range | null) => void,
  save: ChartGroup['save'],
): ChartGroup {
  return {
    ...{ cursor: signal<number | null>(null), zoom, extent, save },
    setZoom(range) {
      keepZoom(range && within(range, extent.value));
    },
  };
}

/** The iterations to be seen. */
export function shownRange({ zoom, extent }: ChartGroup): Range {
  return zoom.value ?? extent.value;
}

/** Zooms by a factor around an iteration, or moves by a share of what is seen. */
export function zoomBy(group: ChartGroup, factor: number, around?: number): void {
  const [low, high] = shownRange(group);
  const centre = around ?? (low + high) / 2;
  group.setZoom([centre - (centre - low) * factor, centre + (high - centre) * factor]);
}

export function panBy(group: ChartGroup, share: number): void {
  const [low, high] = shownRange(group);
  if (group.zoom.value) group.setZoom([low + share * (high - low), high + share * (high - low)]);
}

/**
 * Keys of every chart: + and − zoom, Shift with arrows moves, 0 or Escape shows all.
 * @returns whether the key was one of them
 */
export function zoomKey(group: ChartGroup, event: KeyboardEvent): boolean {
  const around = group.cursor.value ?? undefined;
  if (event.key === '+' || event.key === '=') zoomBy(group, 0.5, around);
  else if (event.key === '-' || event.key === '−') zoomBy(group, 2, around);
  else if (event.shiftKey && event.key === 'ArrowLeft') panBy(group, -0.25);
  else if (event.shiftKey && event.key === 'ArrowRight') panBy(group, 0.25);
  else if ((event.key === '0' || event.key === 'Escape') && group.zoom.value) group.setZoom(null);
  else return false;
  event.preventDefault();
  return true;
}
