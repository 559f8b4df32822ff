import { writeColour } from './colour.ts';
import type { HeatMap } from './model.ts';
import { positionOf, type Range, type ScaleKind } from './scale.ts';

/** A picture of one pixel a cell, of which only what is new is drawn. */
export interface HeatTexture {
  readonly canvas: OffscreenCanvas;
  /** Cells drawn since it was made; for tests. */
  readonly drawn: () => number;
  update(map: HeatMap, domain: Range, kind: ScaleKind): void;
}

export function heatTexture(): HeatTexture {
  let canvas = new OffscreenCanvas(1, 1);
  let before: { key: string; first: readonly number[]; last: readonly number[] } | null = null;
  let drawn = 0;
  return {
    get canvas() {
      return canvas;
    },
    drawn: () => drawn,
    update(map, domain, kind) {
      const { columns, steps, cells } = map;
      const key = JSON.stringify([domain, kind, steps]);
      const kept = before?.key === key ? sameColumns(before, columns) : 0;
      if (columns.first.length > canvas.width || steps.length !== canvas.height || kept === 0)
        canvas = grown(canvas, kept, columns.first.length, steps.length);
      const width = columns.first.length - kept;
      if (width > 0 && steps.length > 0) {
        const image = new ImageData(width, steps.length);
        for (let row = 0; row < steps.length; row++)
          for (let i = 0; i < width; i++)
            writeColour(image.data, 4 * (row * width + i), positionOf(cells[row][kept + i], domain, kind));
        canvas.getContext('2d')!.putImageData(image, kept, 0);
        drawn += width * steps.length;
      }
      before = { key, first: [...columns.first], last: [...columns.last] };
    },
  };
}

/** How many columns from the left on are as they were. */
function sameColumns(before: HeatMap['columns'], now: HeatMap['columns']): number {
  const columns = Math.min(before.first.length, now.first.length);
  let same = 0;
  while (same < columns && before.first[same] === now.first[same] && before.last[same] === now.last[same]) same++;
  return same;
}

function grown(canvas: OffscreenCanvas, kept: number, columns: number, rows: number): OffscreenCanvas {
  const larger = new OffscreenCanvas(Math.max(64, 2 ** Math.ceil(Math.log2(Math.max(1, columns)))), Math.max(1, rows));
  if (kept > 0) larger.getContext('2d')!.drawImage(canvas, 0, 0);
  return larger;
}
