import { element, onWidth, placeTip, shape, tableOf } from './dom.js';
import { axisRange, formatTicks, formatValue, linearTicks, logTicks, nearestIndex, position } from './scale.js';

const height = 210;
const margin = { top: 8, right: 10, bottom: 26, left: 52 };

/** Draws a line chart with a legend, values at the pointer or by arrow keys, and a table. */
export function drawChart(host, chart) {
  const xs = [...new Set(chart.series.flatMap((series) => series.x))].sort((a, b) => a - b);
  const canvas = element('div', {
    class: 'canvas',
    tabindex: 0,
    role: 'group',
    'aria-label': `${chart.title}: chart over iterations. Arrow keys read values; the table below has all of them.`,
  });
  const tip = element('div', { class: 'tip', role: 'status', hidden: true });
  host.append(
    legend(chart),
    canvas,
    tableOf(`Table: ${chart.title}`, () => rowsOf(chart, xs)),
  );

  let plot = null;
  let at = -1;
  onWidth(canvas, (width) => {
    plot = plotOf(chart, xs, width);
    canvas.replaceChildren(plot.svg, tip);
    show(at);
  });

  function show(index) {
    at = index;
    if (!plot) return;
    plot.cursor.toggleAttribute('hidden', index < 0);
    plot.cursor.replaceChildren();
    tip.hidden = index < 0;
    if (index < 0) return;
    const x = plot.left(xs[index]);
    const values = valuesAt(chart, xs[index]);
    plot.cursor.append(shape('line', { x1: x, x2: x, y1: margin.top, y2: height - margin.bottom }));
    for (const { series, value, edge } of values) {
      if (value === null) continue;
      plot.cursor.append(shape('circle', { class: `fill-${series.tone}`, cx: x, cy: plot.top(edge), r: 3.5 }));
    }
    tip.replaceChildren(element('b', {}, `iteration ${xs[index]}`), ...values.map((entry) => tipLine(entry, chart)));
    placeTip(tip, x, plot.width);
  }

  canvas.addEventListener('pointermove', (event) => {
    const x = event.clientX - canvas.getBoundingClientRect().left;
    show(nearestIndex(xs, plot.iteration(x)));
  });
  canvas.addEventListener('pointerleave', () => show(-1));
  canvas.addEventListener('blur', () => show(-1));
  canvas.addEventListener('keydown', (event) => {
    const start = at < 0 ? xs.length - 1 : at;
    const next = { ArrowLeft: start - 1, ArrowRight: start + 1, Home: 0, End: xs.length - 1, Escape: -1 }[event.key];
    if (next === undefined) return;
    event.preventDefault();
    show(event.key === 'Escape' ? -1 : Math.max(0, Math.min(xs.length - 1, at < 0 ? start : next)));
  });
}

/** Where iterations and values lie at a width, and the drawing itself. */
function plotOf(chart, xs, width) {
  const [inner, tall] = [width - margin.left - margin.right, height - margin.top - margin.bottom];
  const xRange = [xs[0], xs.length > 1 ? xs[xs.length - 1] : xs[0] + 1];
  const yRange = axisRange(
    chart.series.flatMap((series) => [...series.y, ...(series.low ?? []), ...(series.high ?? [])]),
    chart.scale,
  );
  const left = (x) => margin.left + inner * position(x, xRange, 'linear');
  const top = (y) => margin.top + tall * (1 - position(Math.max(y, yRange[0]), yRange, chart.scale));
  const iteration = (pixel) => xRange[0] + ((pixel - margin.left) / inner) * (xRange[1] - xRange[0]);
  const cursor = shape('g', { class: 'cursor', hidden: true });
  const svg = shape(
    'svg',
    { width, height, viewBox: `0 0 ${width} ${height}`, 'aria-hidden': 'true', focusable: 'false' },
    axes(chart, { left, top, xRange, yRange, width }),
    ...chart.series.map((series) => drawSeries(series, left, top)),
    cursor,
  );
  return { svg, cursor, left, top, iteration, width };
}

function axes(chart, { left, top, xRange, yRange, width }) {
  const group = shape('g', { class: 'axes' });
  const yTicks = chart.scale === 'log' ? logTicks(...yRange) : linearTicks(...yRange, 5);
  const labels = formatTicks(yTicks);
  yTicks.forEach((tick, i) => {
    const unit = i === yTicks.length - 1 && chart.unit !== 'RMSE' && chart.unit ? `\u2009${chart.unit}` : '';
    group.append(
      shape('line', { x1: margin.left, x2: width - margin.right, y1: top(tick), y2: top(tick) }),
      shape('text', { x: margin.left - 8, y: top(tick) + 4, 'text-anchor': 'end' }, labels[i] + unit),
    );
  });
  const xTicks = linearTicks(...xRange, Math.max(2, Math.min(6, Math.floor(width / 90)))).filter(Number.isInteger);
  for (const tick of xTicks) {
    group.append(shape('text', { x: left(tick), y: height - 8, 'text-anchor': 'middle' }, String(tick)));
  }
  return group;
}

function drawSeries(series, left, top) {
  const group = shape('g', { class: `series tone-${series.tone}` });
  if (series.low && series.high) {
    const known = series.x.flatMap((x, i) => (series.low[i] === null || series.high[i] === null ? [] : [i]));
    const upper = known.map((i) => `${left(series.x[i])},${top(series.high[i])}`);
    const lower = known.map((i) => `${left(series.x[i])},${top(series.low[i])}`).reverse();
    group.append(
      shape('polygon', { class: series.mark === 'area' ? 'area' : 'band', points: [...upper, ...lower].join(' ') }),
    );
    if (series.mark === 'area') return group;
  }
  group.append(shape('path', { class: 'line', d: pathOf(series, left, top) }));
  const few = series.x.length <= 60;
  if (series.mark === 'points' || series.x.length === 1) {
    series.x.forEach((x, i) => {
      if (series.y[i] !== null) group.append(marker(left(x), top(series.y[i]), few ? 4 : 2));
    });
  }
  return group;
}

function marker(x, y, size) {
  return shape('path', { class: 'marker', d: `M${x},${y - size}l${size},${size}l${-size},${size}l${-size},${-size}z` });
}

/** A path that is interrupted where values are missing. */
function pathOf(series, left, top) {
  let pen = 'M';
  let path = '';
  series.x.forEach((x, i) => {
    if (series.y[i] === null) pen = 'M';
    else {
      path += `${pen}${left(x).toFixed(1)},${top(series.y[i]).toFixed(1)}`;
      pen = 'L';
    }
  });
  return path;
}

function legend(chart) {
  const items = chart.series.map((series) => element('li', {}, swatch(series), element('span', {}, series.name)));
  return element('ul', { class: 'legend' }, ...items);
}

function swatch(series) {
  const group = shape('g', { class: `series tone-${series.tone}` });
  if (series.mark === 'area') group.append(shape('rect', { class: 'area', x: 3, y: 1, width: 16, height: 10 }));
  else group.append(shape('path', { class: 'line', d: 'M0,6L22,6' }));
  if (series.mark === 'points') group.append(marker(11, 6, 4));
  return shape('svg', { width: 22, height: 12, viewBox: '0 0 22 12', 'aria-hidden': 'true' }, group);
}

/** Each series' value at an iteration; `edge` is where its dot sits. */
function valuesAt(chart, x) {
  return chart.series.flatMap((series) => {
    const i = series.x.indexOf(x);
    if (i < 0) return [];
    return [{ series, value: series.y[i], edge: series.mark === 'area' ? series.high[i] : series.y[i], i }];
  });
}

function tipLine({ series, value, i }, chart) {
  const spread =
    series.low && series.mark === 'line' ? ` (${formatValue(series.low[i])} – ${formatValue(series.high[i])})` : '';
  const unit = chart.unit && value !== null ? `\u2009${chart.unit}` : '';
  return element('span', {}, swatch(series), `${series.name} `, element('b', {}, formatValue(value) + unit), spread);
}

function rowsOf(chart, xs) {
  const unit = chart.unit ? ` (${chart.unit})` : '';
  const header = ['Iteration', ...chart.series.map((series) => series.name + unit)];
  const values = chart.series.map((series) => new Map(series.x.map((x, i) => [x, series.y[i]])));
  return [header, ...xs.map((x) => [String(x), ...values.map((map) => (map.has(x) ? formatValue(map.get(x)) : ''))])];
}
