/** How a run is told from the others wherever it is shown: by letter, colour and pattern of its line. */
export interface RunLook {
  id: string;
  letter: string;
  /** Letter and id. */
  label: string;
  /** Of the charts' colours, from 1 on. */
  colour: number;
  /** Lengths of strokes and gaps in pixels; empty: a solid line. */
  dash: readonly number[];
}

const dashes: readonly (readonly number[])[] = [
  [],
  [8, 4],
  [2, 3],
  [8, 3, 2, 3],
  [14, 4],
  [4, 4],
  [8, 3, 2, 3, 2, 3],
  [1, 5],
];

/** In the order in which the runs were chosen, which does not change. */
export function looksOf(runs: readonly string[]): RunLook[] {
  return runs.map((id, i) => {
    const letter = String.fromCharCode(65 + i);
    return { id, letter, label: `${letter} ${id}`, colour: (i % 6) + 1, dash: dashes[i % dashes.length] };
  });
}
