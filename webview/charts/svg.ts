/** Charts as SVG files, drawn from their data on white for papers and slides. Every text is escaped. */
import { colourAt, hexColour } from './colour.ts';
import { centres, dashOf, overNames, type HeatMap, type Line, type LineChart } from './model.ts';
import {
  axisRange,
  boundsOf,
  countTicks,
  positionOf,
  tickLabels,
  ticksOf,
  type Range,
  type ScaleKind,
} from './scale.ts';

const size = { width: 800, height: 400, left: 70, right: 70, top: 40, bottom: 50 };
const plot = { width: size.width - size.left - size.right, height: size.height - size.top - size.bottom };
const colours = ['#1f6fb4', '#c23b22', '#2c7a39', '#7a4fa3', '#b3680a', '#555555'];

export function escapeText(text: string): string {
  const entities: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&apos;' };
  // Control characters may not stand in XML at all.
  return text.replace(/[\0-\x08\x0b\x0c\x0e-\x1f]/g, '').replace(/[&<>"']/g, (sign) => entities[sign]);
}

const round = (value: number) => Number(value.toFixed(2));
const left = (share: number) => round(size.left + share * plot.width);
const top = (share: number) => round(size.top + (1 - share) * plot.height);

function text(x: number, y: number, content: string, attributes = ''): string {
  return `<text x="${round(x)}" y="${round(y)}" ${attributes}>${escapeText(content)}</text>`;
}

function frame(title: string, body: string[]): string {
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${size.width}" height="${size.height}" viewBox="0 0 ${size.width} ${size.height}" font-family="sans-serif" font-size="12" fill="#222222">`,
    `<title>${escapeText(title)}</title>`,
    `<rect width="${size.width}" height="${size.height}" fill="#ffffff"/>`,
    text(size.left, 22, title, 'font-size="15" font-weight="bold"'),
    ...body,
    '</svg>\n',
  ].join('\n');
}

function columnAxis(range: Range, label = 'Iteration'): string[] {
  const base = size.top + plot.height;
  return [
    ...countTicks(...range, 8).map((tick) =>
      text(left(positionOf(tick, range, 'linear')!), base + 18, String(tick), 'text-anchor="middle"'),
    ),
    text(size.left + plot.width / 2, base + 38, label, 'text-anchor="middle"'),
  ];
}

function valueAxis(label: string, range: Range, kind: ScaleKind, right: boolean, share = false): string[] {
  const ticks = ticksOf(kind, range, 6);
  const labels = tickLabels(ticks, share);
  const x = right ? size.left + plot.width + 8 : size.left - 8;
  const middle = size.top + plot.height / 2;
  const turned = right ? size.width - 10 : 14;
  return [
    ...ticks.flatMap((tick, i) => {
      const y = top(positionOf(tick, range, kind)!);
      const grid = `<line x1="${size.left}" x2="${size.left + plot.width}" y1="${y}" y2="${y}" stroke="#dddddd"/>`;
      return [...(right ? [] : [grid]), text(x, y + 4, labels[i], `text-anchor="${right ? 'start' : 'end'}"`)];
    }),
    text(turned, middle, label, `text-anchor="middle" transform="rotate(-90 ${turned} ${round(middle)})"`),
  ];
}

/** Points of a line as the parts that are joined. */
function parts(x: readonly number[], values: Line['values'], across: Range, range: Range, kind: ScaleKind): string[][] {
  const all: string[][] = [[]];
  x.forEach((at, i) => {
    const position = positionOf(values[i], range, kind);
    if (position === null) all.push([]);
    else if (at >= across[0] && at <= across[1])
      all.at(-1)!.push(`${left(positionOf(at, across, 'linear')!)},${top(position)}`);
  });
  return all.filter((part) => part.length > 0);
}

function drawLine(line: Line, x: readonly number[], across: Range, range: Range, kind: ScaleKind): string[] {
  const colour = colours[(line.colour - 1) % colours.length];
  const path = (values: Line['values'], attributes: string) =>
    parts(x, values, across, range, kind).map(
      (points) => `<polyline points="${points.join(' ')}" fill="none" stroke="${colour}" ${attributes}/>`,
    );
  if (line.at)
    return parts(line.at, line.values, across, range, kind)
      .flat()
      .map((point) => point.split(','))
      .map(([cx, cy]) => `<circle cx="${cx}" cy="${cy}" r="4" fill="#ffffff" stroke="${colour}" stroke-width="2"/>`);
  const band = line.band ? [...bandOf(line, x, across, range, kind)] : [];
  const dash = dashOf(line).length > 0 ? ` stroke-dasharray="${dashOf(line).join(' ')}"` : '';
  return [
    ...band,
    ...(line.raw ? path(line.raw, 'stroke-opacity="0.3"') : []),
    ...path(line.values, `stroke-width="2"${dash}`),
  ];
}

function bandOf(line: Line, x: readonly number[], across: Range, range: Range, kind: ScaleKind): string[] {
  const { low, high } = line.band!;
  const whole = x.map((_, i) => low[i] !== null && high[i] !== null && positionOf(low[i], range, kind) !== null);
  const keep = (values: Line['values']) => values.map((value, i) => (whole[i] ? value : null));
  const lower = parts(x, keep(low), across, range, kind);
  const upper = parts(x, keep(high), across, range, kind);
  const colour = colours[(line.colour - 1) % colours.length];
  return upper.map(
    (points, i) =>
      `<polygon points="${[...points, ...lower[i].toReversed()].join(' ')}" fill="${colour}" fill-opacity="0.15"/>`,
  );
}

/** @param across the iterations to show; all if left out */
export function lineChartSvg(chart: LineChart, kind: ScaleKind, across?: Range | null): string {
  const x = centres(chart.columns);
  const shown: Range = across ?? [chart.columns.first[0] ?? 0, chart.columns.last.at(-1) ?? 1];
  const inside = (line: Line, values: Line['values']) =>
    values.filter((_, i) => (line.at ?? x)[i] >= shown[0] && (line.at ?? x)[i] <= shown[1]);
  const rangeOf = (side: 'left' | 'right') => {
    const values = chart.lines
      .filter((line) => (line.axis ?? 'left') === side)
      .flatMap((line) =>
        [line.values, line.raw ?? [], line.band?.low ?? [], line.band?.high ?? []].flatMap((v) => inside(line, v)),
      );
    const levels = side === 'left' ? (chart.levels ?? []).map(({ value }) => value) : [];
    return axisRange(...boundsOf([...values, ...levels], kind), kind);
  };
  const ranges = { left: rangeOf('left'), right: rangeOf('right') };
  const levels = (chart.levels ?? []).flatMap(({ value, label }) => {
    const y = top(positionOf(value, ranges.left, kind) ?? 0);
    const line = `<line x1="${size.left}" x2="${size.left + plot.width}" y1="${y}" y2="${y}" stroke="#777777" stroke-dasharray="4 4"/>`;
    return [line, text(size.left + plot.width - 4, y - 4, label, 'text-anchor="end" fill="#555555"')];
  });
  const marks = (chart.marks?.at ?? [])
    .filter((at) => at >= shown[0] && at <= shown[1])
    .map((at) => left(positionOf(at, shown, 'linear')!))
    .map((at) => `<line x1="${at}" x2="${at}" y1="${size.top}" y2="${size.top + plot.height}" stroke="#bbbbbb"/>`);
  const legend = chart.lines.map((line, i) => {
    const at = size.width - size.right - 150 * (chart.lines.length - i);
    const stroke = `stroke="${colours[(line.colour - 1) % colours.length]}" stroke-width="2"`;
    const dash = dashOf(line).length > 0 ? ` stroke-dasharray="${dashOf(line).join(' ')}"` : '';
    return `<line x1="${at}" x2="${at + 18}" y1="34" y2="34" ${stroke}${dash}/>${text(at + 23, 38, line.label, 'font-size="11"')}`;
  });
  return frame(chart.title, [
    ...valueAxis(chart.axis, ranges.left, kind, false, chart.share),
    ...(chart.rightAxis ? valueAxis(chart.rightAxis, ranges.right, kind, true) : []),
    ...columnAxis(
      shown,
      chart.over === 'step' ? 'Step k' : chart.over && chart.over !== 'iteration' ? overNames[chart.over] : 'Iteration',
    ),
    ...marks,
    ...levels,
    ...chart.lines.flatMap((line) => drawLine(line, x, shown, ranges[line.axis ?? 'left'], kind)),
    ...legend,
  ]);
}

/** @param domain values of the ends of the colours */
export function heatMapSvg(map: HeatMap, domain: Range, kind: ScaleKind, across?: Range | null): string {
  const [from, to] = across ?? [map.columns.first[0] ?? 0, map.columns.last.at(-1) ?? 1];
  const edges: Range = [from - 0.5, to + 0.5];
  const height = plot.height / Math.max(1, map.steps.length);
  const rects = map.cells.flatMap((row, r) =>
    row.flatMap((value, c) => {
      const position = positionOf(value, domain, kind);
      const [first, last] = [Math.max(map.columns.first[c], from), Math.min(map.columns.last[c], to)];
      if (position === null || first > last) return [];
      const x = left(positionOf(first - 0.5, edges, 'linear')!);
      const width = round(left(positionOf(last + 0.5, edges, 'linear')!) - x);
      const fill = hexColour(colourAt(position));
      return `<rect x="${x}" y="${round(size.top + r * height)}" width="${width}" height="${round(height)}" fill="${fill}"/>`;
    }),
  );
  const bar = size.left + plot.width + 12;
  const shades = Array.from({ length: 64 }, (_, i) => {
    const y = round(top((i + 1) / 64));
    return `<rect x="${bar}" y="${y}" width="10" height="${round(plot.height / 64 + 0.5)}" fill="${hexColour(colourAt(i / 63))}"/>`;
  });
  const ticks = ticksOf(kind, domain, 5);
  const labels = tickLabels(ticks);
  return frame(map.unit === '' ? map.title : `${map.title} (${map.unit})`, [
    '<g shape-rendering="crispEdges">',
    ...rects,
    ...shades,
    '</g>',
    ...ticks.map((tick, i) => text(bar + 14, top(positionOf(tick, domain, kind)!) + 4, labels[i])),
    ...map.steps.map((k, r) => text(size.left - 8, size.top + (r + 0.5) * height + 4, String(k), 'text-anchor="end"')),
    text(
      14,
      size.top + plot.height / 2,
      'Step k',
      `text-anchor="middle" transform="rotate(-90 14 ${size.top + plot.height / 2})"`,
    ),
    ...columnAxis(edges),
  ]);
}
