import { panBy, shownRange, SmoothingSlider, zoomBy } from '../charts/index.ts';
import { Button, IconButton } from '../ui/index.ts';
import type { RunCharts } from './run-charts.ts';
import type { Store } from './store.ts';

/** What is set for all charts at once: the iterations to be seen, and smoothing. */
export function ZoomBar({
  store,
  charts,
  children,
}: {
  store: Store;
  charts: RunCharts;
  children?: preact.ComponentChildren;
}) {
  const { group, detailFault } = charts;
  const smoothing = store.choice('smoothing', 0);
  const [low, high] = shownRange(group);
  const zoomed = group.zoom.value !== null;
  return (
    <div class="zoom-bar">
      <SmoothingSlider smoothing={smoothing} />
      {children}
      <span class="ui-row zoom-range" role="group" aria-label="Iterations shown">
        <span class="zoom-text">{`Iterations ${low}–${high}`}</span>
        <IconButton
          icon="zoom-in"
          label="Zoom in"
          onClick={() => zoomBy(group, 0.5, group.cursor.value ?? undefined)}
        />
        <IconButton icon="zoom-out" label="Zoom out" disabled={!zoomed} onClick={() => zoomBy(group, 2)} />
        <IconButton icon="chevron-left" label="Earlier" disabled={!zoomed} onClick={() => panBy(group, -0.5)} />
        <IconButton icon="chevron-right" label="Later" disabled={!zoomed} onClick={() => panBy(group, 0.5)} />
        {zoomed ? (
          <Button kind="plain" onClick={() => group.setZoom(null)}>
            Show all
          </Button>
        ) : null}
      </span>
      {detailFault.value === null ? null : <span role="status">{`No finer series: ${detailFault.value}`}</span>}
    </div>
  );
}
