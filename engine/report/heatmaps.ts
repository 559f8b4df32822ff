import { binMean } from './bins.ts';
import type { Bin, Iteration } from './bins.ts';
import { rounded } from './chart-types.ts';
import type { HeatMap } from './chart-types.ts';

type Step = Iteration['steps'][number];
type Field = 'gradientNormRaw' | 'gradientNorm' | 'driftReference' | 'driftAnchor';

const maps: { id: string; field: Field; scale: string; title: string; reading: string }[] = [
  {
    id: 'gradient-raw',
    field: 'gradientNormRaw',
    scale: 'gradient',
    title: 'Gradient norm before equalization',
    reading: 'How strongly each step would pull at the weights by itself. Stripes mean that few steps decide.',
  },
  {
    id: 'gradient',
    field: 'gradientNorm',
    scale: 'gradient',
    title: 'Gradient norm after equalization',
    reading: 'On the same colour scale. Even colour from top to bottom means that all steps teach equally.',
  },
  {
    id: 'drift-reference',
    field: 'driftReference',
    scale: 'reference',
    title: 'Drift from the pre-trained model',
    reading: 'Relative squared deviation of the velocity along the rollouts. It may grow; it should not explode.',
  },
  {
    id: 'drift-anchor',
    field: 'driftAnchor',
    scale: 'anchor',
    title: 'Drift from the anchor',
    reading: 'The same from the copy that holds the policy. With a moving anchor it falls back at each refresh.',
  },
];

/** The heat maps that have anything to show. Those of one scale share their colours. */
export function buildHeatMaps(bins: Bin[]): HeatMap[] {
  const rows = [...new Set(bins.flatMap((bin) => bin.members.flatMap((i) => i.steps.map((step) => step.k))))];
  rows.sort((a, b) => a - b);
  const columns = bins.map((bin) => bin.at);
  const values = maps.map(({ field }) => rows.map((k) => bins.map((bin) => cell(bin, k, field))));
  return maps.flatMap(({ id, scale, title, reading }, index) => {
    const shared = values.filter((_, other) => maps[other].scale === scale).flat(2);
    const domain = rangeOf(shared);
    const empty = values[index].flat().every((value) => value === null);
    return domain && !empty ? [{ id, title, reading, columns, rows, values: values[index], domain }] : [];
  });
}

function cell(bin: Bin, k: number, field: Field): number | null {
  const value = binMean(bin, (iteration) => stepOf(iteration, k)?.[field]);
  return value !== null && value > 0 ? rounded(value) : null;
}

function stepOf(iteration: Iteration, k: number): Step | undefined {
  return iteration.steps.find((step) => step.k === k);
}

/** Smallest and largest value, at least a factor of two apart so that noise does not fill the scale; null without any. */
function rangeOf(values: (number | null)[]): [number, number] | null {
  let [low, high] = [Infinity, -Infinity];
  for (const value of values) {
    if (value === null) continue;
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  if (low > high) return null;
  const widen = Math.max(1, Math.sqrt(2 / (high / low)));
  return [low / widen, high * widen];
}
