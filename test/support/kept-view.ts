import { appendSeries, foldSeries, type RunView, type RunViewChange } from '../../engine/protocol.ts';

/** Takes a change into a view, as a dashboard that has asked for so many columns does. */
export function keepChange(view: RunView, change: RunViewChange, columns: number): void {
  const { series, evaluations, anchors, written, ...current } = change;
  Object.assign(view, current);
  appendSeries(view.series, series);
  if (view.series.first.length > 2 * columns) foldSeries(view.series, columns);
  view.evaluations.push(...evaluations);
  view.anchors.push(...anchors);
  view.written.push(...written);
}
