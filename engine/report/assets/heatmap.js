import { element, onWidth, placeTip, tableOf } from './dom.js';
import { formatTicks, formatValue, linearTicks, logTicks, nearestIndex, position } from './scale.js';

/** Viridis (Smith and van der Walt): equal steps look equal, also in grey and to colour-blind eyes. */
const anchors = [
  [68, 1, 84],
  [72, 40, 120],
  [62, 74, 137],
  [49, 104, 142],
  [38, 130, 142],
  [31, 158, 137],
  [53, 183, 121],
  [109, 205, 89],
  [180, 222, 44],
  [253, 231, 37],
];

/** Colour of a share in [0, 1] of the scale, as three bytes. */
export function colourOf(share) {
  const place = Math.max(0, Math.min(1, share)) * (anchors.length - 1);
  const low = Math.min(anchors.length - 2, Math.floor(place));
  return anchors[low].map((value, i) => Math.round(value + (anchors[low + 1][i] - value) * (place - low)));
}

/** Draws a heat map with DOM axes, a legend, values at the pointer or by arrow keys, and a table. */
export function drawHeatMap(host, map) {
  const [rows, columns] = [map.rows.length, map.columns.length];
  const rowHeight = Math.max(6, Math.min(20, Math.round(200 / rows)));
  const surface = element('canvas', { width: columns, height: rows, 'aria-hidden': 'true' });
  paint(surface, map);
  const mark = element('div', { class: 'cell', hidden: true });
  const tip = element('div', { class: 'tip', role: 'status', hidden: true });
  const label = `${map.title}: step by iteration. Arrow keys read cells; the table below has all of them.`;
  const field = element('div', { class: 'field', tabindex: 0, role: 'group', 'aria-label': label }, surface, mark, tip);
  field.style.height = `${rows * rowHeight}px`;
  const yAxis = element('div', { class: 'y-axis', 'aria-hidden': 'true' });
  const xAxis = element('div', { class: 'x-axis', 'aria-hidden': 'true' });
  drawYAxis(yAxis, map, rowHeight);
  onWidth(field, (width) => drawXAxis(xAxis, map, width));
  const title = element('span', { class: 'y-title', 'aria-hidden': 'true' }, 'step');
  host.append(
    element('div', { class: 'heat' }, title, yAxis, field, xAxis),
    colourLegend(map),
    tableOf(`Table: ${map.title}`, () => cellsOf(map)),
  );

  let at = null;
  function show(cell) {
    at = cell;
    mark.hidden = tip.hidden = !cell;
    if (!cell) return;
    const [row, column] = cell;
    const size = { width: field.clientWidth / columns, height: rowHeight };
    Object.assign(mark.style, {
      left: `${column * size.width}px`,
      top: `${row * size.height}px`,
      width: `${Math.max(2, size.width)}px`,
      height: `${size.height}px`,
    });
    const value = map.values[row][column];
    tip.replaceChildren(
      element('b', {}, `step ${map.rows[row]}, iteration ${map.columns[column]}`),
      element('span', {}, value === null ? 'nothing measured' : formatValue(value)),
    );
    placeTip(tip, (column + 0.5) * size.width, field.clientWidth);
  }
  const clamp = (value, count) => Math.max(0, Math.min(count - 1, value));
  field.addEventListener('pointermove', (event) => {
    const box = field.getBoundingClientRect();
    const column = Math.floor(((event.clientX - box.left) / box.width) * columns);
    show([clamp(Math.floor((event.clientY - box.top) / rowHeight), rows), clamp(column, columns)]);
  });
  field.addEventListener('pointerleave', () => show(null));
  field.addEventListener('blur', () => show(null));
  field.addEventListener('keydown', (event) => {
    if (event.key === 'Escape') return show(null);
    const move = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] }[event.key];
    if (!move) return;
    event.preventDefault();
    show(at ? [clamp(at[0] + move[0], rows), clamp(at[1] + move[1], columns)] : [0, columns - 1]);
  });
}

/** One pixel a cell; the browser enlarges it. A missing cell stays transparent and shows the hatching below. */
function paint(surface, map) {
  const context = surface.getContext('2d');
  const image = context.createImageData(map.columns.length, map.rows.length);
  map.values.flat().forEach((value, i) => {
    if (value === null) return;
    image.data.set([...colourOf(position(value, map.domain, 'log')), 255], i * 4);
  });
  context.putImageData(image, 0, 0);
}

function drawYAxis(axis, map, rowHeight) {
  const every = Math.ceil(14 / rowHeight);
  map.rows.forEach((k, row) => {
    if (row % every !== 0) return;
    const label = element('span', {}, String(k));
    label.style.top = `${(row + 0.5) * rowHeight}px`;
    axis.append(label);
  });
}

function drawXAxis(axis, map, width) {
  const { columns } = map;
  const last = columns.length - 1;
  const round = linearTicks(columns[0], columns[last], Math.max(2, Math.min(6, Math.floor(width / 80))));
  const ticks = [...new Set(round.map((tick) => nearestIndex(columns, tick)))];
  axis.replaceChildren(
    ...ticks.map((index) => {
      const label = element('span', {}, String(columns[index]));
      label.style.left = `${((index + 0.5) / (last + 1)) * 100}%`;
      return label;
    }),
  );
}

function colourLegend(map) {
  const ramp = element('canvas', { width: 256, height: 1, 'aria-hidden': 'true' });
  const context = ramp.getContext('2d');
  const image = context.createImageData(256, 1);
  for (let i = 0; i < 256; i++) image.data.set([...colourOf(i / 255), 255], i * 4);
  context.putImageData(image, 0, 0);
  const ticks = logTicks(...map.domain, 4);
  const words = formatTicks(ticks);
  const labels = ticks.map((tick, i) => {
    const label = element('span', {}, words[i]);
    label.style.left = `${position(tick, map.domain, 'log') * 100}%`;
    return label;
  });
  const scale = element('div', { class: 'scale' }, ...labels);
  const range = `Colours from ${formatValue(map.domain[0])} to ${formatValue(map.domain[1])}, logarithmic.`;
  return element('div', { class: 'ramp', role: 'img', 'aria-label': range }, ramp, scale);
}

function cellsOf(map) {
  const header = ['Iteration', ...map.rows.map((k) => `step ${k}`)];
  return [header, ...map.columns.map((x, column) => [String(x), ...map.values.map((row) => formatValue(row[column]))])];
}
