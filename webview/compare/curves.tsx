import { useComputed } from '@preact/signals';
import { useMemo } from 'preact/hooks';
import { chartGroup, LineFigure, SmoothingSlider, type Range } from '../charts/index.ts';
import { Button, Empty, Segmented } from '../ui/index.ts';
import { chartOf, extentOf, metricsOf, type Across, type ComparedRuns } from './curves.ts';
import type { CompareStore } from './store.ts';

/** The curves of all runs over each other. */
export function Curves({ store, runs }: { store: CompareStore; runs: ComparedRuns }) {
  const across = store.choice<string>('across', 'iteration');
  const smoothing = store.choice<number>('smoothing', 0.6);
  const zoomText = store.choice<string>('zoom', '');
  const chosen = across.value === 'update' || across.value === 'second' ? across.value : 'iteration';
  const extent = useComputed((): Range => {
    const series = store.compared.value?.series ?? [];
    return extentOf(series, across.value === 'update' || across.value === 'second' ? across.value : 'iteration');
  });
  const zoom = useComputed(() => parseZoom(zoomText.value));
  const group = useMemo(
    () => chartGroup(extent, zoom, (range) => (zoomText.value = range ? range.join(' ') : ''), store.save),
    [store],
  );
  const metrics = metricsOf(runs.series, runs.evaluations);
  const charts = useMemo(
    () => metrics.map((metric) => chartOf(metric, chosen, smoothing.value, runs)),
    [runs, chosen, smoothing.value],
  );
  if (charts.length === 0)
    return (
      <Empty icon="graph-line" title="No iteration was completed in any of these runs">
        Curves appear with the first iteration.
      </Empty>
    );
  return (
    <>
      <div class="compare-tools">
        <Segmented<Across>
          label="Over"
          value={chosen}
          options={[
            { value: 'iteration', label: 'Iterations' },
            { value: 'update', label: 'Updates' },
            { value: 'second', label: 'Seconds of training' },
          ]}
          onChange={(value) => {
            across.value = value;
            zoomText.value = '';
          }}
        />
        <SmoothingSlider smoothing={smoothing} />
        {zoom.value && (
          <Button icon="screen-full" onClick={() => group.setZoom(null)}>
            Show All
          </Button>
        )}
      </div>
      <div class="compare-charts">
        {charts.map((chart) => (
          <LineFigure
            key={chart.id}
            chart={chart}
            group={group}
            state={{
              log: store.choice<boolean>(`log.${chart.id}`, false),
              hidden: store.choice<string>('hidden', ''),
            }}
            height={220}
          />
        ))}
      </div>
    </>
  );
}

function parseZoom(text: string): Range | null {
  const [low, high] = text.split(' ').map(Number);
  return Number.isFinite(low) && Number.isFinite(high) && high > low ? [low, high] : null;
}
