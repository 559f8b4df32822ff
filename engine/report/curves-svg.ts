import { formatNumber } from './format.ts';

/** One line of a panel: points (iteration, value) in order; `dots` are measured seldom and marked. */
export interface CurveLine {
  name: string;
  points: readonly (readonly [number, number])[];
  dots: boolean;
}

export interface CurvePanel {
  title: string;
  lines: readonly CurveLine[];
}

const width = 720;
const panelHeight = 220;
const margin = { left: 64, right: 16, top: 34, bottom: 28 };
/** Seen well on white, and by people who do not see red and green apart. */
const colours = ['#9aa5b1', '#0b62c4', '#b4570a', '#5b3fa8'];

/** Curves of a run as one SVG picture, a panel below the other; plain shapes that any viewer shows. */
export function curvesSvg(panels: readonly CurvePanel[]): string {
  const drawn = panels.filter(({ lines }) => lines.some(({ points }) => points.length > 0));
  const height = panelHeight * Math.max(1, drawn.length);
  const body = drawn.map((panel, index) => `<g transform="translate(0 ${index * panelHeight})">${draw(panel)}</g>`);
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}"`,
    ` font-family="system-ui, sans-serif" font-size="12"><rect width="100%" height="100%" fill="#fff"/>`,
    ...body,
    '</svg>\n',
  ].join('');
}

function draw({ title, lines }: CurvePanel): string {
  const all = lines.flatMap(({ points }) => points);
  const [x0, x1] = range(all.map(([x]) => x));
  const [y0, y1] = range(all.map(([, y]) => y));
  const bottom = panelHeight - margin.bottom;
  const right = width - margin.right;
  const x = (value: number) => round(margin.left + ((value - x0) / (x1 - x0)) * (right - margin.left));
  const y = (value: number) => round(bottom - ((value - y0) / (y1 - y0)) * (bottom - margin.top));
  const text = (px: number, py: number, anchor: string, words: string, fill = '#444') =>
    `<text x="${px}" y="${py}" text-anchor="${anchor}" fill="${fill}">${escape(words)}</text>`;
  const parts = [
    `<text x="${margin.left}" y="20" font-weight="600" fill="#111">${escape(title)}</text>`,
    `<path d="M${margin.left} ${margin.top}V${bottom}H${right}" fill="none" stroke="#888"/>`,
    text(margin.left - 6, bottom, 'end', formatNumber(y0)),
    text(margin.left - 6, margin.top + 8, 'end', formatNumber(y1)),
    text(margin.left, panelHeight - 10, 'middle', String(x0)),
    text(right, panelHeight - 10, 'end', `iteration ${x1}`),
  ];
  lines.forEach(({ name, points, dots }, index) => {
    const colour = colours[index % colours.length];
    const path = points.map(([px, py]) => `${x(px)},${y(py)}`).join(' ');
    parts.push(`<polyline points="${path}" fill="none" stroke="${colour}" stroke-width="${dots ? 2 : 1}"/>`);
    if (dots) for (const [px, py] of points) parts.push(`<circle cx="${x(px)}" cy="${y(py)}" r="3" fill="${colour}"/>`);
    parts.push(text(right, 20 + 14 * index, 'end', name, colour));
  });
  return parts.join('');
}

/** Lowest and highest value, apart even where they are equal. */
function range(values: readonly number[]): [number, number] {
  let [low, high] = [Infinity, -Infinity];
  for (const value of values) [low, high] = [Math.min(low, value), Math.max(high, value)];
  return low < high ? [low, high] : [low - 0.5, low + 0.5];
}

const round = (value: number) => Math.round(value * 10) / 10;

function escape(text: string): string {
  return text.replace(/[&<>]/g, (sign) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;' })[sign]!);
}
