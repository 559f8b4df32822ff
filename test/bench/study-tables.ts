import {
  equalizers,
  isMain,
  kernels,
  strongBeta,
  trustRegions,
  type StudyKernel,
  type StudySetup,
} from './study-design.ts';
import type { StudyOutcome, StudyResult } from './study-records.ts';
import { bootstrapMean, mean, pairedDifference, type Estimate } from './statistics.ts';

/** What the study compares, each a number of one run. */
export const measures = {
  gain: { name: 'reward gain', digits: 4, of: (o: StudyOutcome) => o.last.reward - o.first.reward },
  evaluationDistance: {
    name: 'change of evaluation distance',
    digits: 4,
    of: (o: StudyOutcome) => difference(o.last.distance, o.first.distance),
  },
  rolloutDistance: { name: 'rollout distance', digits: 4, of: (o: StudyOutcome) => o.rolloutDistance },
  imbalanceRaw: { name: 'imbalance, raw', digits: 2, of: (o: StudyOutcome) => o.imbalanceRaw },
  imbalanceEqualized: { name: 'imbalance, as trained', digits: 2, of: (o: StudyOutcome) => o.imbalanceEqualized },
} as const;
export type Measure = keyof typeof measures;

function difference(a: number | null, b: number | null): number | null {
  return a === null || b === null ? null : a - b;
}

/** A measure by seed. */
export function bySeed(results: readonly StudyResult[], measure: Measure): Map<number, number> {
  return new Map(
    results.flatMap(({ setup, outcome }) => {
      const value = measures[measure].of(outcome);
      return value === null ? [] : [[setup.seed, value] as const];
    }),
  );
}

export function estimate(results: readonly StudyResult[], measure: Measure): Estimate {
  return bootstrapMean([...bySeed(results, measure).values()]);
}

/** Difference to another cell, paired by seed. */
export function against(results: readonly StudyResult[], base: readonly StudyResult[], measure: Measure): Estimate {
  return pairedDifference(bySeed(results, measure), bySeed(base, measure));
}

/** `0.123 [0.100, 0.150]` */
export function formatEstimate({ mean: centre, low, high, count }: Estimate, digits: number, signed = false): string {
  if (count === 0) return '–';
  const sign = (value: number) => (signed && value > 0 ? '+' : '') + value.toFixed(digits);
  return low === null || high === null ? sign(centre) : `${sign(centre)} [${sign(low)}, ${sign(high)}]`;
}

export function markdownTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map((_, i) => (i === 0 ? '---' : '---:'))), ...rows.map(line)].join('\n');
}

const named = (measure: Measure) => measures[measure].name;
const signedMeasures: ReadonlySet<Measure> = new Set(['gain', 'evaluationDistance']);
const shown = (results: readonly StudyResult[], measure: Measure) =>
  formatEstimate(estimate(results, measure), measures[measure].digits, signedMeasures.has(measure));

/** The kernels under the whole method. */
export function mainTable(results: readonly StudyResult[]): string {
  const all = Object.keys(measures) as Measure[];
  const rows = kernels.flatMap((kernel) => {
    const cell = results.filter(({ setup }) => isMain(setup) && setup.kernel === kernel);
    if (cell.length === 0) return [];
    const { eta } = cell[0].setup;
    return [[kernel, String(eta), String(cell.length), ...all.map((measure) => shown(cell, measure))]];
  });
  return markdownTable(['kernel', 'η', 'seeds', ...all.map(named)], rows);
}

/** Each kernel minus `sage`, paired by seed. */
export function differenceTable(results: readonly StudyResult[]): string {
  const main = results.filter(({ setup }) => isMain(setup));
  const of = (kernel: StudyKernel) => main.filter(({ setup }) => setup.kernel === kernel);
  const shownMeasures: Measure[] = ['gain', 'evaluationDistance', 'rolloutDistance'];
  const rows = kernels
    .filter((kernel) => kernel !== 'sage')
    .map((kernel) => [
      `${kernel} − sage`,
      ...shownMeasures.map((measure) =>
        formatEstimate(against(of(kernel), of('sage'), measure), measures[measure].digits, true),
      ),
    ]);
  return markdownTable(['difference', ...shownMeasures.map(named)], rows);
}

export interface Cell {
  kernel: StudyKernel;
  equalizer: StudySetup['equalizer'];
  trustRegion: StudySetup['trustRegion'];
  results: StudyResult[];
}

/** The cells of the comparison that have results, in a fixed order. */
export function cellsOf(results: readonly StudyResult[]): Cell[] {
  const cells = kernels.flatMap((kernel) =>
    equalizers.flatMap((equalizer) =>
      trustRegions.map((trustRegion): Cell => {
        const matches = ({ setup: s }: StudyResult) =>
          s.phase === 'compare' && s.kernel === kernel && s.equalizer === equalizer && s.trustRegion === trustRegion;
        return { kernel, equalizer, trustRegion, results: results.filter(matches) };
      }),
    ),
  );
  return cells.filter((cell) => cell.results.length > 0);
}

export const equalizerNames = { analytic: 'on', none: 'off' } as const;
export const trustRegionNames = {
  moving: 'moving + stepwise',
  strong: `moving + stepwise, β ${strongBeta}`,
  fixed: 'fixed',
  none: 'none',
} as const;

/** Every cell. */
export function cellTable(results: readonly StudyResult[]): string {
  const all = Object.keys(measures) as Measure[];
  const rows = cellsOf(results).map(({ kernel, equalizer, trustRegion, results: cell }) => [
    kernel,
    equalizerNames[equalizer],
    trustRegionNames[trustRegion],
    String(cell.length),
    ...all.map((measure) => shown(cell, measure)),
  ]);
  return markdownTable(['kernel', 'equalizer', 'trust region', 'seeds', ...all.map(named)], rows);
}

/** What one factor changes, with everything else equal: differences paired by the other factors and the seed. */
export function factorTable(results: readonly StudyResult[]): string {
  const compare = results.filter(({ setup }) => setup.phase === 'compare');
  const shownMeasures: Measure[] = ['gain', 'evaluationDistance', 'rolloutDistance', 'imbalanceEqualized'];
  const row = (name: string, changed: (s: StudySetup) => boolean, base: (s: StudySetup) => boolean, key: Pairing) => [
    name,
    ...shownMeasures.map((measure) => {
      const pick = (keep: (s: StudySetup) => boolean) =>
        keyed(
          compare.filter(({ setup }) => keep(setup)),
          measure,
          key,
        );
      return formatEstimate(pairedByKey(pick(changed), pick(base)), measures[measure].digits, true);
    }),
  ];
  const rows = [
    ...kernels.map((kernel) =>
      row(
        `${kernel}: equalizer on − off`,
        (s) => s.kernel === kernel && s.equalizer === 'analytic',
        (s) => s.kernel === kernel && s.equalizer === 'none',
        (s) => `${s.trustRegion}/${s.seed}`,
      ),
    ),
    ...(['strong', 'fixed', 'none'] as const).map((other) =>
      row(
        `all kernels: ${trustRegionNames.moving} − ${trustRegionNames[other]}`,
        (s) => s.trustRegion === 'moving',
        (s) => s.trustRegion === other,
        (s) => `${s.kernel}/${s.equalizer}/${s.seed}`,
      ),
    ),
  ];
  return markdownTable(['difference', ...shownMeasures.map(named)], rows);
}

type Pairing = (setup: StudySetup) => string;

function keyed(results: readonly StudyResult[], measure: Measure, key: Pairing): Map<string, number> {
  return new Map(
    results.flatMap(({ setup, outcome }) => {
      const value = measures[measure].of(outcome);
      return value === null ? [] : [[key(setup), value] as const];
    }),
  );
}

function pairedByKey(first: ReadonlyMap<string, number>, second: ReadonlyMap<string, number>): Estimate {
  return bootstrapMean([...first].flatMap(([key, value]) => (second.has(key) ? [value - second.get(key)!] : [])));
}

/** Final reward of every η that was tried. */
export function tuningTable(results: readonly StudyResult[], chosen: Partial<Record<StudyKernel, number>>): string {
  const tuning = results.filter(({ setup }) => setup.phase === 'tune');
  const groups = [...Map.groupBy(tuning, ({ setup }) => `${setup.kernel} ${setup.eta}`).values()];
  groups.sort(
    ([a], [b]) => kernels.indexOf(a.setup.kernel) - kernels.indexOf(b.setup.kernel) || a.setup.eta - b.setup.eta,
  );
  const rows = groups.map((runs) => {
    const { kernel, eta } = runs[0].setup;
    const rewards = runs.map(({ outcome }) => outcome.last.reward);
    const distance = mean(runs.map(({ outcome }) => outcome.last.distance ?? Number.NaN));
    const mark = chosen[kernel] === eta ? '**chosen**' : '';
    return [kernel, String(eta), String(runs.length), mean(rewards).toFixed(4), distance.toFixed(4), mark];
  });
  return markdownTable(['kernel', 'η', 'seeds', 'final evaluation reward', 'final evaluation distance', ''], rows);
}
