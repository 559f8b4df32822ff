import { computed, effect, signal, type ReadonlySignal } from '@preact/signals';
import { emptySeries, type Series } from '../../engine/protocol/series.ts';
import { chartGroup, type ChartGroup, type LineFigureState, type Range } from '../charts/index.ts';
import { columnsKept, type Store } from './store.ts';

/** What all charts of the dashboard share. */
export interface RunCharts {
  readonly group: ChartGroup;
  /** The series to draw: of the whole run, or finer of the iterations that are zoomed in on. */
  readonly series: ReadonlySignal<Series>;
  /** Why no finer series came. */
  readonly detailFault: ReadonlySignal<string | null>;
  /** What the reader has set of a chart. */
  lineState(id: string, log?: boolean): LineFigureState;
}

interface Detail {
  range: Range;
  series: Series;
}

export function openCharts(store: Store): RunCharts {
  const low = store.choice<number | null>('zoom.first', null);
  const high = store.choice<number | null>('zoom.last', null);
  const extent = computed<Range>(() => {
    const view = store.view.value;
    const first = Math.min(view?.series.first[0] ?? 1, view?.evaluations[0]?.iteration ?? 1);
    return [first, Math.max(first + 1, view?.series.last.at(-1) ?? 1, view?.evaluations.at(-1)?.iteration ?? 1)];
  });
  const zoom = computed<Range | null>(() => {
    const [from, to] = [low.value, high.value];
    return typeof from === 'number' && typeof to === 'number' && to > from && to <= extent.value[1] ? [from, to] : null;
  });
  const keepZoom = (range: Range | null) => {
    low.value = range?.[0] ?? null;
    high.value = range?.[1] ?? null;
  };
  const detail = signal<Detail | null>(null);
  const detailFault = signal<string | null>(null);
  const series = computed(() => {
    const whole = store.view.value?.series ?? emptySeries();
    const range = zoom.value;
    const finer = detail.value;
    if (!range || !finer || !isCoarse(whole, range)) return whole;
    return finer.range[0] === range[0] && finer.range[1] === range[1] ? finer.series : whole;
  });
  askForDetail(store, zoom, detail, detailFault);
  return {
    ...{ series, detailFault },
    group: chartGroup(extent, zoom, keepZoom, (name, format, data) => {
      store.save(`${store.setup.value?.run ?? 'run'}-${name}.${format}`, format, data);
    }),
    lineState: (id, log = false) => ({
      log: store.choice(`log.${id}`, log),
      hidden: store.choice(`hidden.${id}`, ''),
    }),
  };
}

/** Whether columns in a range hold several iterations each. */
export function isCoarse({ first, last }: Pick<Series, 'first' | 'last'>, [low, high]: Range): boolean {
  return first.some((from, i) => last[i] > from && last[i] >= low && from <= high);
}

/** Asks for the range that is zoomed in on once the zoom has come to rest. */
function askForDetail(
  store: Store,
  zoom: ReadonlySignal<Range | null>,
  detail: { value: Detail | null },
  fault: { value: string | null },
): void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  effect(() => {
    const range = zoom.value;
    clearTimeout(timer);
    if (!range) {
      detail.value = null;
      fault.value = null;
      return;
    }
    timer = setTimeout(() => {
      const whole = store.view.value?.series;
      if (!whole || !isCoarse(whole, range)) return;
      const [first, last] = range;
      store.ask('series', { first, last, columns: columnsKept }).then(
        (series) => {
          if (zoom.value?.[0] !== first || zoom.value[1] !== last) return;
          detail.value = { range, series };
          fault.value = null;
        },
        ({ message }: { message: string }) => (fault.value = message),
      );
    }, 200);
  });
}
