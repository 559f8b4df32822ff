/** Small charts as SVG text, readable on light and dark pages. */

/** Colours that stand out from white and from near-black; after Okabe & Ito 2008. */
const palette = ['#0a7cc4', '#d55e00', '#009e73', '#b65fa3', '#c79500', '#777777'];

export const seriesColor = (index: number) => palette[index % palette.length];

const style = `<style>
  text { font: 12px system-ui, -apple-system, 'Segoe UI', sans-serif; fill: #1f2328; }
  .title { font-weight: 600; font-size: 14px; }
  .faint { fill: #59636e; }
  .axis { stroke: #818b98; } .grid { stroke: #d1d9e0; } .page { fill: #ffffff; }
  @media (prefers-color-scheme: dark) {
    text { fill: #f0f6fc; } .faint { fill: #9198a1; }
    .axis { stroke: #656c76; } .grid { stroke: #3d444d; } .page { fill: #0d1117; }
  }
</style>`;

export function escapeText(text: string): string {
  return text.replace(/[&<>"]/g, (c) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' })[c]!);
}

function page(width: number, height: number, title: string, body: string[]): string {
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img">`,
    `<title>${escapeText(title)}</title>`,
    style,
    `<rect class="page" width="${width}" height="${height}"/>`,
    `<text class="title" x="16" y="24">${escapeText(title)}</text>`,
    ...body,
    '</svg>\n',
  ].join('\n');
}

/** Round numbers that cover a range, about `count` of them. */
export function ticks(low: number, high: number, count = 5): number[] {
  const raw = (high - low) / count;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map((m) => m * power).find((s) => s >= raw)!;
  const first = Math.ceil(low / step - 1e-9);
  const last = Math.floor(high / step + 1e-9);
  return Array.from({ length: last - first + 1 }, (_, i) => Number(((first + i) * step).toPrecision(12)));
}

function logTicks(low: number, high: number): number[] {
  const first = Math.floor(Math.log10(low));
  const powers = Array.from({ length: Math.ceil(Math.log10(high)) - first + 1 }, (_, i) => 10 ** (first + i));
  return powers.flatMap((p) => [p, 2 * p, 5 * p]).filter((t) => t >= low * 0.999 && t <= high * 1.001);
}

function padded(values: readonly number[], share = 0.06): [number, number] {
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const pad = (high - low || Math.abs(high) || 1) * share;
  return [low - pad, high + pad];
}

const fixed = (value: number) => Number(value.toFixed(2)).toString();
const label = (value: number) => Number(value.toPrecision(4)).toString();

export interface IntervalRow {
  label: string;
  group: number;
  value: number;
  low: number | null;
  high: number | null;
}

/** Means with intervals, one row each; a line marks zero where the range holds it. */
export function intervalChart(title: string, axis: string, rows: readonly IntervalRow[], log = false): string {
  const [left, right, top, rowHeight] = [250, 24, 44, 22];
  const width = 720;
  const height = top + rows.length * rowHeight + 48;
  const all = rows.flatMap(({ value, low, high }) => [value, low ?? value, high ?? value]);
  const scaled = log ? all.map(Math.log10) : all;
  const [from, to] = padded(scaled);
  const x = (value: number) =>
    left + (((log ? Math.log10(value) : value) - from) / (to - from)) * (width - left - right);
  const bottom = top + rows.length * rowHeight;
  const body: string[] = [];
  for (const tick of log ? logTicks(10 ** from, 10 ** to) : ticks(from, to)) {
    body.push(
      `<line class="${tick === 0 ? 'axis' : 'grid'}" x1="${fixed(x(tick))}" x2="${fixed(x(tick))}" y1="${top}" y2="${bottom}"/>`,
    );
    body.push(
      `<text class="faint" x="${fixed(x(tick))}" y="${bottom + 16}" text-anchor="middle">${label(tick)}</text>`,
    );
  }
  rows.forEach((row, i) => {
    const y = top + (i + 0.5) * rowHeight;
    const color = seriesColor(row.group);
    body.push(`<text x="${left - 10}" y="${y + 4}" text-anchor="end">${escapeText(row.label)}</text>`);
    if (row.low !== null && row.high !== null)
      body.push(
        `<line x1="${fixed(x(row.low))}" x2="${fixed(x(row.high))}" y1="${y}" y2="${y}" stroke="${color}" stroke-width="2.5"/>`,
      );
    body.push(`<circle cx="${fixed(x(row.value))}" cy="${y}" r="4.5" fill="${color}"/>`);
  });
  body.push(
    `<text class="faint" x="${(left + width - right) / 2}" y="${bottom + 38}" text-anchor="middle">${escapeText(axis)}</text>`,
  );
  return page(width, height, title, body);
}

export interface Line {
  label: string;
  values: readonly (number | null)[];
  low?: readonly (number | null)[];
  high?: readonly (number | null)[];
  dashed?: boolean;
  /** Colour; the place among the lines by default. */
  group?: number;
}

/** Lines over 1, 2, 3 … with bands where `low` and `high` are given. */
export function lineChart(
  title: string,
  axes: { x: string; y: string; first?: number; log?: boolean },
  lines: readonly Line[],
): string {
  const [width, height, left, right, top, bottom] = [720, 380, 64, 170, 44, 330];
  const { first = 1, log = false } = axes;
  const scale = log ? Math.log10 : (value: number) => value;
  const all = lines.flatMap(({ values, low = [], high = [] }) => [...values, ...low, ...high]);
  const [from, to] = padded(all.filter((value) => value !== null).map(scale));
  const count = Math.max(2, ...lines.map(({ values }) => values.length));
  const x = (i: number) => left + (i / (count - 1)) * (width - left - right);
  const y = (value: number) => bottom - ((scale(value) - from) / (to - from)) * (bottom - top);
  const point = (value: number | null, i: number) => (value === null ? [] : [`${fixed(x(i))},${fixed(y(value))}`]);
  const body: string[] = [];
  for (const tick of log ? logTicks(10 ** from, 10 ** to) : ticks(from, to)) {
    body.push(`<line class="grid" x1="${left}" x2="${width - right}" y1="${fixed(y(tick))}" y2="${fixed(y(tick))}"/>`);
    body.push(`<text class="faint" x="${left - 8}" y="${fixed(y(tick) + 4)}" text-anchor="end">${label(tick)}</text>`);
  }
  for (const tick of ticks(first, first + count - 1).filter(Number.isInteger)) {
    body.push(
      `<text class="faint" x="${fixed(x(tick - first))}" y="${bottom + 18}" text-anchor="middle">${tick}</text>`,
    );
  }
  lines.forEach(({ label: name, values, low, high, dashed, group }, i) => {
    const color = seriesColor(group ?? i);
    if (low && high) {
      const edge = [
        ...high.flatMap(point),
        ...low
          .map((value, j) => point(value, j))
          .reverse()
          .flat(),
      ];
      body.push(`<polygon points="${edge.join(' ')}" fill="${color}" fill-opacity="0.14"/>`);
    }
    const dash = dashed ? ' stroke-dasharray="5 4"' : '';
    body.push(
      `<polyline points="${values.flatMap(point).join(' ')}" fill="none" stroke="${color}" stroke-width="2"${dash}/>`,
    );
    const place = top + 8 + i * 20;
    body.push(
      `<line x1="${width - right + 14}" x2="${width - right + 38}" y1="${place}" y2="${place}" stroke="${color}" stroke-width="2"${dash}/>`,
    );
    body.push(`<text x="${width - right + 44}" y="${place + 4}">${escapeText(name)}</text>`);
  });
  body.push(`<line class="axis" x1="${left}" x2="${width - right}" y1="${bottom}" y2="${bottom}"/>`);
  body.push(
    `<text class="faint" x="${(left + width - right) / 2}" y="${bottom + 38}" text-anchor="middle">${escapeText(axes.x)}</text>`,
  );
  body.push(`<text class="faint" x="16" y="${top - 6}">${escapeText(axes.y)}</text>`);
  return page(width, height, title, body);
}
