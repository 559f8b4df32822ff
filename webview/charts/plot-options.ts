import type uPlot from 'uplot';
import { centres, dashOf, type Line, type LineChart } from './model.ts';
import { axisRange, countTicks, tickLabels, ticksOf, type Range, type ScaleKind } from './scale.ts';
import type { ChartColours } from './theme.ts';

/** Width in pixels of the axes of all charts, so that iterations stand under each other. */
export const gutter = { left: 62, right: 50 } as const;

/** The data of a line on the common axis; `undefined` where only another line has a point. */
type Aligned = (number | null | undefined)[];

/** A drawn series: a line, its values before smoothing, or an edge of its band. */
export interface Drawn {
  line: Line;
  part: 'low' | 'high' | 'raw' | 'line';
}

/** What is drawn of a chart, in order: bands behind, lines before. */
export function drawnOf({ lines }: LineChart, hidden: ReadonlySet<string>): Drawn[] {
  const shown = lines.filter(({ id }) => !hidden.has(id));
  return [
    ...shown.flatMap((line) => (line.band ? (['high', 'low'] as const).map((part) => ({ line, part })) : [])),
    ...shown.flatMap((line) => (line.raw ? [{ line, part: 'raw' as const }] : [])),
    ...shown.map((line) => ({ line, part: 'line' as const })),
  ];
}

/**
 * Whether lines are drawn thin: where columns stand close, a thicker one hides its own noise, and takes six times as long
 * where there is no graphics card.
 */
export function isDense({ columns }: LineChart): boolean {
  return columns.first.length > 200;
}

function valuesOf({ line, part }: Drawn): Line['values'] {
  if (part === 'low') return line.band!.low;
  if (part === 'high') return line.band!.high;
  return part === 'raw' ? line.raw! : line.values;
}

/** Brings the columns and the points that lie elsewhere onto one ascending axis. */
export function alignData(chart: LineChart, drawn: readonly Drawn[], kind: ScaleKind): [number[], ...Aligned[]] {
  const own = centres(chart.columns);
  const extra = drawn.flatMap(({ line }) => line.at ?? []);
  const x = extra.length === 0 ? own : [...new Set([...own, ...extra])].sort((a, b) => a - b);
  const place = new Map(x.map((at, i) => [at, i]));
  const fit = (value: number | null) => (kind === 'log' && value !== null && value <= 0 ? null : value);
  const align = (each: Drawn): Aligned => {
    const values = valuesOf(each);
    const at = each.line.at ?? own;
    if (at === x) return values.map(fit);
    const aligned = new Array<number | null | undefined>(x.length).fill(undefined);
    at.forEach((iteration, i) => {
      aligned[place.get(iteration)!] = fit(values[i]);
    });
    return aligned;
  };
  return [x, ...drawn.map(align)];
}

export interface PlotSettings {
  chart: LineChart;
  drawn: readonly Drawn[];
  kind: ScaleKind;
  colours: ChartColours;
  width: number;
  height: number;
  /** The iterations to be seen. */
  across: () => Range;
  /** As it is when it is drawn: levels and marks may have changed since. */
  current: () => LineChart;
  hooks: uPlot.Hooks.Arrays;
  bind: uPlot.Cursor.Bind;
}

export function plotOptions(settings: PlotSettings): uPlot.Options {
  const { chart, drawn, kind, colours, width, height, across, current, hooks, bind } = settings;
  const scale = (side: 'left' | 'right'): uPlot.Scale => ({
    distr: kind === 'log' ? 3 : 1,
    range: (_plot, low: number | null, high: number | null) => {
      const levels = side === 'left' ? (current().levels ?? []).map(({ value }) => value) : [];
      const known = [low, high, ...levels].filter((value) => value !== null && value !== undefined);
      return axisRange(known.length ? Math.min(...known) : null, known.length ? Math.max(...known) : null, kind);
    },
  });
  const both = drawn.some(({ line }) => line.axis === 'right') || chart.rightAxis !== undefined;
  return {
    width,
    height,
    padding: [8, both ? 0 : gutter.right, 0, 0],
    legend: { show: false },
    cursor: {
      y: false,
      drag: { x: true, y: false, setScale: false },
      points: { size: 7 },
      bind,
    },
    scales: {
      x: { time: false, range: () => across() },
      left: scale('left'),
      ...(both ? { right: scale('right') } : {}),
    },
    axes: [
      iterationAxis(colours),
      valueAxis('left', kind, colours, chart.share),
      ...(both ? [valueAxis('right', kind, colours)] : []),
    ],
    series: [{}, ...drawn.map((each) => seriesOf(each, colours, isDense(chart)))],
    bands: drawn.flatMap(({ line, part }, i) =>
      part === 'high'
        ? [{ series: [i + 1, i + 2] as [number, number], fill: faint(colours.line(line.colour), 0.18) }]
        : [],
    ),
    hooks: { ...hooks, drawClear: [(plot) => drawMarks(plot, current(), colours)] },
  };
}

function faint(colour: string, opacity: number): string {
  const hex = /^#([0-9a-f]{6})/i.exec(colour)?.[1];
  if (!hex) return `color-mix(in srgb, ${colour} ${100 * opacity}%, transparent)`;
  const [red, green, blue] = [0, 2, 4].map((at) => Number.parseInt(hex.slice(at, at + 2), 16));
  return `rgba(${red}, ${green}, ${blue}, ${opacity})`;
}

function seriesOf({ line, part }: Drawn, colours: ChartColours, dense: boolean): uPlot.Series {
  const colour = colours.line(line.colour);
  const common: uPlot.Series = { scale: line.axis ?? 'left', spanGaps: false, points: { show: false } };
  if (part === 'low' || part === 'high') return { ...common, stroke: faint(colour, 0.35), width: 1 };
  if (part === 'raw') return { ...common, stroke: faint(colour, 0.35), width: 1 };
  if (line.at)
    return {
      ...common,
      stroke: colour,
      width: 0,
      points: { show: true, size: 8, width: 2, stroke: colour, fill: colours.background },
    };
  // A smoothed line has its noise behind it.
  return { ...common, stroke: colour, width: dense && !line.raw ? 1 : 2, dash: dashOf(line) };
}

const font = '11px system-ui, sans-serif';

function iterationAxis(colours: ChartColours): uPlot.Axis {
  return {
    ...{ stroke: colours.text, font, size: 26, gap: 4 },
    grid: { show: false },
    ticks: { stroke: colours.grid, width: 1, size: 4 },
    splits: (plot, _axis, low, high) => countTicks(low, high, Math.max(2, Math.floor(plot.width / 90))),
    values: (_plot, ticks) => ticks.map(String),
  };
}

function valueAxis(side: 'left' | 'right', kind: ScaleKind, colours: ChartColours, share = false): uPlot.Axis {
  return {
    ...{ scale: side, side: side === 'left' ? 3 : 1, stroke: colours.text, font, size: gutter[side], gap: 4 },
    grid: { show: side === 'left', stroke: colours.grid, width: 1 },
    ticks: { show: false },
    splits: (plot, _axis, low, high) => ticksOf(kind, [low, high], Math.max(2, Math.floor(plot.height / 45))),
    values: (_plot, ticks) => tickLabels(ticks, share),
    filter: (_plot, ticks) => ticks,
  };
}

/** Levels and marks, under the lines. Marks that would touch are drawn once. */
function drawMarks(plot: uPlot, chart: LineChart, colours: ChartColours): void {
  const { levels = [], marks } = chart;
  if (levels.length === 0 && !marks?.at.length) return;
  const { ctx, bbox } = plot;
  const ratio = devicePixelRatio;
  ctx.save();
  ctx.beginPath();
  ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
  ctx.clip();
  ctx.strokeStyle = ctx.fillStyle = colours.text;
  ctx.lineWidth = ratio;
  let before = -Infinity;
  ctx.globalAlpha = 0.35;
  ctx.setLineDash([2 * ratio, 3 * ratio]);
  for (const at of marks?.at ?? []) {
    const x = Math.round(plot.valToPos(at, 'x', true));
    if (x - before < 3 * ratio) continue;
    before = x;
    stroke(ctx, [x, bbox.top], [x, bbox.top + bbox.height]);
  }
  ctx.globalAlpha = 0.8;
  ctx.setLineDash([5 * ratio, 4 * ratio]);
  ctx.font = `${11 * ratio}px system-ui, sans-serif`;
  ctx.textAlign = 'right';
  for (const { value, label } of levels) {
    const y = Math.round(plot.valToPos(value, 'left', true));
    stroke(ctx, [bbox.left, y], [bbox.left + bbox.width, y]);
    // Above its line, but for one at the very top.
    const above = y - bbox.top > 16 * ratio;
    ctx.textBaseline = above ? 'bottom' : 'top';
    ctx.fillText(label, bbox.left + bbox.width - 4 * ratio, y + (above ? -3 : 3) * ratio);
  }
  ctx.restore();
}

function stroke(ctx: CanvasRenderingContext2D, from: [number, number], to: [number, number]): void {
  ctx.beginPath();
  ctx.moveTo(...from);
  ctx.lineTo(...to);
  ctx.stroke();
}
