import type { RunView, RunViewChange } from '../../engine/protocol.ts';
import { appendSeries, foldSeries } from '../../engine/protocol/series.ts';

/**
 * The view after a change. Its lists and series are those of the view before, made longer, in a new envelope; the series
 * is folded when it has twice as many columns as wanted.
 */
export function changeView(view: RunView, change: RunViewChange, columns: number): RunView {
  const { series, evaluations, anchors, written } = view;
  appendSeries(series, change.series);
  if (series.first.length > 2 * columns) foldSeries(series, columns);
  evaluations.push(...change.evaluations);
  anchors.push(...change.anchors);
  written.push(...change.written);
  return { ...change, series, evaluations, anchors, written };
}
