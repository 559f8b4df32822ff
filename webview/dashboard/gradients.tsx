import { useMemo } from 'preact/hooks';
import { computed, signal } from '@preact/signals';
import { boundsOf, chartGroup, colourDomain, HeatFigure, LineFigure, type Range } from '../charts/index.ts';
import { Button, Segmented, Slider } from '../ui/index.ts';
import {
  clipChart,
  columnAt,
  firstReplayChart,
  heatMapOf,
  imbalanceChart,
  stepChart,
  updateChart,
} from './lines-of.ts';
import type { RunCharts } from './run-charts.ts';
import type { Store } from './store.ts';
import { ZoomBar } from './zoom-bar.tsx';

type Shown = 'before' | 'after' | 'both';
const options: { value: Shown; label: string }[] = [
  { value: 'before', label: 'Before' },
  { value: 'after', label: 'After' },
  { value: 'both', label: 'Both' },
];

/** What cells without a colour are. */
export const gaps = 'Cells without colour: the step was not explored in that iteration.';

/** Which steps learn: gradient norms over steps and iterations. */
export function GradientsTab({ store, charts }: { store: Store; charts: RunCharts }) {
  const { group, lineState } = charts;
  const series = charts.series.value;
  const drawing = { series, smoothing: store.choice('smoothing', 0).value };
  const shown = store.choice<string>('gradients.shown', 'both');
  const chosen = useChosen(store);
  const before = heatMapOf(series, 'gradientNormRaw');
  const after = heatMapOf(series, 'gradientNorm');
  // One scale for both, so that colours can be compared.
  const domain = colourDomain(...boundsOf([...before.cells, ...after.cells].flat(), 'log'), 'log');
  const heat = (map: typeof before) => (
    <HeatFigure
      map={map}
      domain={domain}
      kind="log"
      group={group}
      chosen={chosen.iteration}
      onChoose={chosen.choose}
      note={gaps}
    />
  );
  return (
    <>
      <ZoomBar store={store} charts={charts}>
        <Segmented
          label="Gradient norms before or after equalization"
          value={options.find(({ value }) => value === shown.value)?.value ?? 'both'}
          options={options}
          onChange={(value) => (shown.value = value)}
        />
      </ZoomBar>
      <div class="chart-grid">
        {shown.value === 'after' ? null : heat(before)}
        {shown.value === 'before' ? null : heat(after)}
      </div>
      <Steps store={store} charts={charts} chosen={chosen} />
      <div class="chart-grid">
        <LineFigure
          chart={imbalanceChart(drawing)}
          group={group}
          state={lineState('imbalance', true)}
          note="Largest gradient norm of the explored steps over the smallest. The equalizer should bring it near 1."
        />
        <LineFigure chart={clipChart(drawing)} group={group} state={lineState('clip')} />
        <LineFigure chart={updateChart(drawing)} group={group} state={lineState('updates', true)} />
        <LineFigure
          chart={firstReplayChart(drawing)}
          group={group}
          state={lineState('first-replay')}
          note="Before the first update, replaying a rollout must give its own probability: anything but 0 is a fault."
        />
      </div>
    </>
  );
}

interface Chosen {
  iteration: number;
  newest: boolean;
  choose: (iteration: number | null) => void;
}

/** The iteration whose steps are shown: the newest until one is chosen. */
function useChosen(store: Store): Chosen {
  const kept = store.choice<number | null>('gradients.iteration', null);
  const { series } = store.view.value!;
  const last = series.last.at(-1) ?? 1;
  const newest = typeof kept.value !== 'number' || kept.value > last;
  return { iteration: newest ? last : (kept.value as number), newest, choose: (iteration) => (kept.value = iteration) };
}

function Steps({ store, charts, chosen }: { store: Store; charts: RunCharts; chosen: Chosen }) {
  const series = charts.series.value;
  const whole = store.view.value!.series;
  const column = columnAt(series, chosen.iteration);
  const chart = stepChart(series, column);
  const group = useStepGroup(charts, chart.columns.first);
  const [first, last] = [series.first[column], series.last[column]];
  return (
    <>
      <div class="ui-row step-choice">
        <Slider
          wide
          label="Iteration"
          value={chosen.iteration}
          min={whole.first[0] ?? 1}
          max={whole.last.at(-1) ?? 1}
          text={first === last ? String(chosen.iteration) : `${chosen.iteration} (mean of ${first}–${last})`}
          onChange={(iteration) => chosen.choose(iteration)}
        />
        <Button kind="plain" disabled={chosen.newest} onClick={() => chosen.choose(null)}>
          Newest
        </Button>
      </div>
      <LineFigure
        chart={chart}
        group={group}
        state={charts.lineState('steps', true)}
        note="Without equalization the norm should follow N_k = |b_k| / s_k; the equalizer weighs each step by e_k so that all learn alike."
      />
    </>
  );
}

/** A group of its own for charts over steps. */
export function useStepGroup(charts: RunCharts, steps: readonly number[]) {
  const { extent, zoom, group } = useMemo(() => {
    const extent = signal<Range>([0, 1]);
    const zoom = signal<Range | null>(null);
    const reader = computed(() => extent.value);
    const made = chartGroup(reader, zoom, (range) => (zoom.value = range), charts.group.save);
    return { extent, zoom, group: made };
  }, [charts]);
  const [low, high] = [steps[0] ?? 0, steps.at(-1) ?? 1];
  const range: Range = [low, Math.max(low + 1, high)];
  if (extent.value[0] !== range[0] || extent.value[1] !== range[1]) {
    extent.value = range;
    zoom.value = null;
  }
  return group;
}
