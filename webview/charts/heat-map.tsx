import { useComputed, useSignal } from '@preact/signals';
import { useEffect, useLayoutEffect, useMemo, useRef } from 'preact/hooks';
import { announce } from '../ui/index.ts';
import { shownRange, zoomKey, type ChartGroup } from './group.ts';
import { heatTexture } from './heat-texture.ts';
import { ColourScale } from './colour-scale.tsx';
import type { HeatMap } from './model.ts';
import { formatWith, iterationsText } from './numbers.ts';
import { gutter } from './plot-options.ts';
import { useSeen } from './seen.ts';
import { segmentsOf } from './segments.ts';
import { countTicks, type Range, type ScaleKind } from './scale.ts';
import { themeVersion } from './theme.ts';

interface Cell {
  row: number;
  column: number;
}

/** Steps by iterations in colours. Arrow keys move a cell cursor, Enter or a click chooses an iteration. */
export function HeatPlot(props: {
  map: HeatMap;
  domain: Range;
  kind: ScaleKind;
  group: ChartGroup;
  /** Marked, where one is chosen. */
  chosen?: number;
  onChoose?: (iteration: number) => void;
  rowHeight?: number;
}) {
  const { map, domain, kind, group, chosen, onChoose, rowHeight } = props;
  const canvas = useRef<HTMLCanvasElement>(null);
  const texture = useMemo(heatTexture, []);
  const cell = useSignal<Cell | null>(null);
  const size = useSignal(0);
  const across = shownRange(group);
  const theme = useComputed(() => themeVersion.value).value;
  const high = rowHeight ?? Math.max(10, Math.min(26, Math.round(220 / Math.max(1, map.steps.length))));
  const height = high * map.steps.length;

  useEffect(() => {
    const observer = new ResizeObserver(([entry]) => (size.value = Math.round(entry.contentRect.width)));
    observer.observe(canvas.current!);
    return () => observer.disconnect();
  }, []);
  const isSeen = useSeen(canvas).value;
  // As in `LinePlot`.
  useLayoutEffect(() => {
    if (!isSeen) return;
    texture.update(map, domain, kind);
    paint(canvas.current!, texture.canvas, map, across);
  }, [map, domain[0], domain[1], kind, across[0], across[1], size.value, theme, height, isSeen]);

  const at = cell.value;
  const look = (found: Cell | null) => {
    cell.value = found;
    group.cursor.value = found ? (map.columns.first[found.column] + map.columns.last[found.column]) / 2 : null;
  };
  const spoken = (found: Cell) => cellText(map, found);
  return (
    <div class="heat">
      <div class="heat-steps" aria-hidden="true" style={{ width: `${gutter.left}px`, height: `${height}px` }}>
        {map.steps.map((k, row) =>
          row % Math.ceil(14 / high) === 0 ? (
            <span key={k} style={{ top: `${(row + 0.5) * high}px` }}>
              {k}
            </span>
          ) : null,
        )}
      </div>
      <div
        class="heat-cells"
        role="application"
        aria-roledescription="heat map"
        aria-label={`${map.title}. Arrow keys move between steps and iterations and read values${onChoose ? ', Enter chooses the iteration' : ''}, plus and minus zoom.`}
        tabIndex={0}
        onPointerMove={(event) => look(cellAt(event, map, across))}
        onPointerLeave={() => look(null)}
        onClick={(event) => {
          const found = cellAt(event, map, across);
          if (found) onChoose?.(map.columns.last[found.column]);
        }}
        onBlur={() => look(null)}
        onKeyDown={(event) => {
          if (zoomKey(group, event)) return;
          if (event.key === 'Enter' && at) return onChoose?.(map.columns.last[at.column]);
          const to = moved(event, at, map, across);
          if (!to) return;
          event.preventDefault();
          look(to);
          announce(spoken(to));
        }}
      >
        <canvas ref={canvas} style={{ height: `${height}px` }} />
        <Crosshair map={map} group={group} across={across} chosen={chosen} />
        {at ? <CellMark map={map} cell={at} across={across} high={high} text={spoken(at)} /> : null}
      </div>
      <ColourScale domain={domain} kind={kind} height={height} />
      <IterationTicks across={across} width={size.value} />
    </div>
  );
}

/** Where an iteration's edge lies, from 0 to 1 of the width. */
function shareOf(iteration: number, [low, high]: Range): number {
  return (iteration - low) / Math.max(1e-9, high - low);
}

/** Line charts have an iteration's point on their edges; a heat map shows the outer cells by half, to stand under them. */
function paint(canvas: HTMLCanvasElement, texture: OffscreenCanvas, map: HeatMap, across: Range): void {
  const ratio = devicePixelRatio;
  const width = Math.max(1, Math.round(canvas.clientWidth * ratio));
  const height = Math.max(1, Math.round(canvas.clientHeight * ratio));
  if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
  const context = canvas.getContext('2d')!;
  context.imageSmoothingEnabled = false;
  context.clearRect(0, 0, width, height);
  for (const { from, to, first, last } of segmentsOf(map.columns)) {
    const left = shareOf(first - 0.5, across) * width;
    const right = shareOf(last + 0.5, across) * width;
    if (right > 0 && left < width)
      context.drawImage(texture, from, 0, to - from, map.steps.length, left, 0, right - left, height);
  }
}

function cellAt(event: PointerEvent | MouseEvent, map: HeatMap, [low, high]: Range): Cell | null {
  const box = (event.currentTarget as HTMLElement).querySelector('canvas')!.getBoundingClientRect();
  const iteration = Math.round(low + ((event.clientX - box.left) / box.width) * (high - low));
  const column = map.columns.first.findIndex((first, i) => first <= iteration && iteration <= map.columns.last[i]);
  const row = Math.floor(((event.clientY - box.top) / box.height) * map.steps.length);
  return column < 0 || row < 0 || row >= map.steps.length ? null : { row, column };
}

function moved(event: KeyboardEvent, at: Cell | null, map: HeatMap, [low, high]: Range): Cell | null {
  if (event.ctrlKey || event.altKey || event.metaKey) return null;
  const seen = map.columns.first.flatMap((first, i) => (map.columns.last[i] >= low && first <= high ? [i] : []));
  if (seen.length === 0) return null;
  const from = at ?? { row: 0, column: seen.at(-1)! };
  const steps: Record<string, Cell> = {
    ArrowLeft: { ...from, column: at ? from.column - 1 : from.column },
    ArrowRight: { ...from, column: at ? from.column + 1 : seen[0] },
    ArrowUp: { ...from, row: from.row - 1 },
    ArrowDown: { ...from, row: at ? from.row + 1 : 0 },
    Home: { ...from, column: seen[0] },
    End: { ...from, column: seen.at(-1)! },
  };
  if (!Object.hasOwn(steps, event.key)) return null;
  const { row, column } = steps[event.key];
  return {
    row: Math.min(map.steps.length - 1, Math.max(0, row)),
    column: Math.min(seen.at(-1)!, Math.max(seen[0], column)),
  };
}

function cellText(map: HeatMap, { row, column }: Cell): string {
  const value = map.cells[row]?.[column] ?? null;
  const when = iterationsText(map.columns.first[column], map.columns.last[column]);
  const what = value === null ? 'not explored' : `${map.value} ${formatWith(value, map.unit)}`;
  return `Step ${map.steps[row]}, ${when}: ${what}`;
}

function Crosshair(props: { map: HeatMap; group: ChartGroup; across: Range; chosen?: number }) {
  const { group, across, chosen } = props;
  const line = (iteration: number | null | undefined, name: string) => {
    if (iteration === null || iteration === undefined) return null;
    const share = shareOf(iteration, across);
    return share < 0 || share > 1 ? null : <span class={name} style={{ left: `${100 * share}%` }} />;
  };
  return (
    <>
      {line(group.cursor.value, 'heat-crosshair')}
      {line(chosen, 'heat-chosen')}
    </>
  );
}

function CellMark(props: { map: HeatMap; cell: Cell; across: Range; high: number; text: string }) {
  const { map, cell, across, high, text } = props;
  const left = Math.max(0, shareOf(map.columns.first[cell.column] - 0.5, across));
  const right = Math.min(1, shareOf(map.columns.last[cell.column] + 0.5, across));
  const side = left > 0.5 ? { right: `${100 * (1 - left)}%` } : { left: `${100 * right}%` };
  return (
    <>
      <span
        class="heat-cell"
        style={{
          left: `${100 * left}%`,
          width: `${100 * (right - left)}%`,
          top: `${cell.row * high}px`,
          height: `${high}px`,
        }}
      />
      <span class="heat-tip" style={{ ...side, top: `${(cell.row + 1) * high}px` }} aria-hidden="true">
        {text}
      </span>
    </>
  );
}

function IterationTicks({ across, width }: { across: Range; width: number }) {
  return (
    <div class="heat-iterations" aria-hidden="true">
      {countTicks(...across, Math.max(2, Math.floor(width / 90))).map((tick) => (
        <span key={tick} style={{ left: `${100 * shareOf(tick, across)}%` }}>
          {tick}
        </span>
      ))}
    </div>
  );
}
