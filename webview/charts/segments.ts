import type { HeatMap } from './model.ts';

/** Neighbouring columns of the same width: begin and end by index, and their iterations. */
export function segmentsOf({
  first,
  last,
}: HeatMap['columns']): { from: number; to: number; first: number; last: number }[] {
  const segments: { from: number; to: number; first: number; last: number; width: number }[] = [];
  first.forEach((begin, i) => {
    const width = last[i] - begin + 1;
    const open = segments.at(-1);
    if (open && open.width === width && open.last === begin - 1) {
      open.to = i + 1;
      open.last = last[i];
    } else segments.push({ from: i, to: i + 1, first: begin, last: last[i], width });
  });
  return segments;
}
