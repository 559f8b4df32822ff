import { effect, useComputed, type ReadonlySignal } from '@preact/signals';
import { useLayoutEffect, useRef } from 'preact/hooks';
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import { announce } from '../ui/index.ts';
import { shownRange, zoomKey, type ChartGroup } from './group.ts';
import { centres, columnText, dashOf, type LineChart } from './model.ts';
import { formatWith } from './numbers.ts';
import { alignData, drawnOf, isDense, plotOptions } from './plot-options.ts';
import { nearestIndex, type ScaleKind } from './scale.ts';
import { useSeen } from './seen.ts';
import { chartColours, themeVersion } from './theme.ts';

/** Lines over iterations, drawn by uPlot. Drag zooms, Shift-drag moves, double click shows all; keys as in `zoomKey`. */
export function LinePlot(props: {
  chart: LineChart;
  kind: ScaleKind;
  hidden: ReadonlySet<string>;
  group: ChartGroup;
  height?: number;
}) {
  const { chart, kind, hidden, group, height = 240 } = props;
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const latest = useRef(props);
  latest.current = props;
  const seen = useSeen(place);
  const theme = useComputed(() => themeVersion.value).value;
  const drawn = drawnOf(chart, hidden);
  const lines = drawn.map(({ line, part }) => [line.id, part, line.raw !== undefined]);
  const shape = JSON.stringify([kind, height, theme, chart.rightAxis, isDense(chart), lines]);

  useLayoutEffect(() => {
    const made = makePlot(place.current!, latest, group, height);
    plot.current = made;
    const stop = follow(made, group, place.current!, seen);
    return () => {
      stop();
      made.destroy();
      plot.current = null;
    };
    // Made anew only when its lines, scale or colours are others.
  }, [shape, group]);

  // In the frame that shows the rest of the change; a chart that is scrolled away is drawn when it comes back.
  const isSeen = seen.value;
  useLayoutEffect(() => {
    if (!isSeen) return;
    const { chart: now, kind: scale, hidden: without } = latest.current;
    plot.current?.setData(alignData(now, drawnOf(now, without), scale) as uPlot.AlignedData);
  }, [chart, shape, isSeen]);

  return (
    <div
      class="chart-plot"
      ref={place}
      tabIndex={0}
      role="application"
      aria-roledescription="chart"
      aria-label={`${chart.title}. Left and right arrow read values, plus and minus zoom, Shift with arrows moves, 0 shows all.`}
      onKeyDown={(event) => zoomKey(group, event) || readKey(chart, hidden, group, event)}
      onBlur={() => (group.cursor.value = null)}
    />
  );
}

function makePlot(
  place: HTMLElement,
  latest: { current: { chart: LineChart; kind: ScaleKind; hidden: ReadonlySet<string> } },
  group: ChartGroup,
  height: number,
): uPlot {
  const { chart, kind, hidden } = latest.current;
  const drawn = drawnOf(chart, hidden);
  const options = plotOptions({
    ...{ chart, drawn, kind, height },
    colours: chartColours(),
    width: place.clientWidth || 400,
    across: () => shownRange(group),
    current: () => latest.current.chart,
    hooks: {
      setSelect: [
        (plot) => {
          const { left, width } = plot.select;
          if (width > 4) group.setZoom([plot.posToVal(left, 'x'), plot.posToVal(left + width, 'x')]);
          plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
        },
      ],
      setCursor: [
        (plot) => {
          const { idx, event } = plot.cursor;
          if (event) group.cursor.value = idx === null || idx === undefined ? null : plot.data[0][idx];
        },
      ],
    },
    bind: {
      dblclick: () => () => {
        group.setZoom(null);
        return null;
      },
    },
  });
  return new uPlot(options, alignData(chart, drawn, kind) as uPlot.AlignedData, place);
}

/** Keeps size, zoom and crosshair as the window and the other charts have them. */
function follow(plot: uPlot, group: ChartGroup, place: HTMLElement, seen: ReadonlySignal<boolean>): () => void {
  const resize = new ResizeObserver(() => {
    if (place.clientWidth > 0 && place.clientWidth !== plot.width)
      plot.setSize({ width: place.clientWidth, height: plot.height });
  });
  resize.observe(place);
  const stopZoom = effect(() => {
    if (!seen.value) return;
    const [min, max] = shownRange(group);
    plot.setScale('x', { min, max });
  });
  const stopCursor = effect(() => {
    const at = group.cursor.value;
    const left = at === null ? -10 : plot.valToPos(at, 'x');
    if (at !== null && Math.abs((plot.cursor.left ?? -10) - left) < 0.5) return;
    plot.setCursor({ left, top: at === null ? -10 : 1 }, false);
  });
  const stopPan = panByDrag(plot, group);
  return () => {
    resize.disconnect();
    stopZoom();
    stopCursor();
    stopPan();
  };
}

function panByDrag(plot: uPlot, group: ChartGroup): () => void {
  const begin = (event: MouseEvent) => {
    if (!event.shiftKey || !group.zoom.value) return;
    event.stopImmediatePropagation();
    event.preventDefault();
    const [low, high] = group.zoom.value;
    const perPixel = (high - low) / plot.over.clientWidth;
    const move = ({ clientX }: MouseEvent) => {
      const by = (event.clientX - clientX) * perPixel;
      group.setZoom([low + by, high + by]);
    };
    const end = () => {
      document.removeEventListener('mousemove', move);
      document.removeEventListener('mouseup', end);
    };
    document.addEventListener('mousemove', move);
    document.addEventListener('mouseup', end);
  };
  plot.root.addEventListener('mousedown', begin, true);
  return () => plot.root.removeEventListener('mousedown', begin, true);
}

/** Arrow keys move the crosshair by a column and say what is there. */
function readKey(chart: LineChart, hidden: ReadonlySet<string>, group: ChartGroup, event: KeyboardEvent): void {
  const x = centres(chart.columns);
  const [low, high] = shownRange(group);
  const seen = x.flatMap((at, i) => (at >= low && at <= high ? [i] : []));
  if (seen.length === 0 || event.ctrlKey || event.altKey || event.metaKey) return;
  const at = group.cursor.value === null ? null : nearestIndex(x, group.cursor.value);
  const moves: Record<string, number> = {
    ArrowLeft: at === null ? seen.at(-1)! : at - 1,
    ArrowRight: at === null ? seen[0] : at + 1,
    Home: seen[0],
    End: seen.at(-1)!,
  };
  if (!Object.hasOwn(moves, event.key)) return;
  event.preventDefault();
  const to = Math.min(seen.at(-1)!, Math.max(seen[0], moves[event.key]));
  group.cursor.value = x[to];
  const values = chart.lines
    .filter(({ id }) => !hidden.has(id))
    .map((line) => `${line.label} ${formatWith(valueNear(line, x, x[to]), line.unit)}`);
  announce(`${columnText(chart, to)}: ${values.join(', ')}`);
}

/** The value of a line at a place; of points that lie elsewhere the last before it. */
export function valueNear(line: LineChart['lines'][number], x: readonly number[], at: number): number | null {
  if (!line.at) return line.values[nearestIndex(x, at)] ?? null;
  const before = line.at.findLastIndex((point) => point <= at);
  return before < 0 ? null : line.values[before];
}

/** Names, samples and values of the lines; each turns its line on and off. */
export function Legend(props: {
  chart: LineChart;
  hidden: ReadonlySet<string>;
  group: ChartGroup;
  onToggle: (id: string) => void;
}) {
  const { chart, hidden, group, onToggle } = props;
  const x = centres(chart.columns);
  const at = group.cursor.value ?? x.at(-1) ?? 0;
  const column = nearestIndex(x, at);
  return (
    <div class="chart-legend">
      <span class="chart-at">{column < 0 ? '' : columnText(chart, column)}</span>
      {chart.lines.map((line) => (
        <button
          key={line.id}
          type="button"
          class="chart-legend-entry"
          aria-pressed={!hidden.has(line.id)}
          onClick={() => onToggle(line.id)}
        >
          <Sample line={line} />
          <span>{line.label}</span>
          <output>{formatWith(valueNear(line, x, at), line.unit)}</output>
        </button>
      ))}
    </div>
  );
}

function Sample({ line }: { line: LineChart['lines'][number] }) {
  const tone = `chart-tone-${((line.colour - 1) % 6) + 1}`;
  return (
    <svg class={`chart-sample ${tone}`} width="20" height="10" aria-hidden="true">
      {line.at ? (
        <circle cx="10" cy="5" r="3.5" fill="none" stroke-width="2" />
      ) : (
        <line x1="0" x2="20" y1="5" y2="5" stroke-width="2" stroke-dasharray={dashOf(line).join(' ') || undefined} />
      )}
    </svg>
  );
}
