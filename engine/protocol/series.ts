/**
 * Curves and heat maps of a run over its iterations, in a bounded number of columns. Engine and views fold them by the same
 * functions, so that a view that has got single iterations for hours holds what the engine would send it anew.
 */
import { z } from 'zod';
import { count, measured, type EventOf } from '../run/events.ts';
import { imbalanceOf, meanOf } from '../run/observables.ts';

/**
 * Scalars of an iteration; reward components come besides, as `component:NAME`, their values on the model's own scale as
 * `raw:NAME`, and metrics that are only watched as `heldOut:NAME`.
 */
export const scalarNames = [
  ...(['reward', 'rewardStd', 'rewardMin', 'rewardMax', 'distance', 'deadGroups', 'unscored'] as const),
  ...(['advantageAbsMean', 'firstReplayRatioDeviation', 'loss', 'beta', 'learningRate', 'updates'] as const),
  ...(['updateNorm', 'gradientNorm', 'skippedUpdates', 'peakMemory'] as const),
  ...(['secondsRollout', 'secondsDecode', 'secondsScore', 'secondsUpdate', 'secondsOther', 'secondsTotal'] as const),
  /** Means over the explored steps. */
  ...(['clipFraction', 'approxKl', 'klAnchor', 'klStep', 'driftReference', 'driftAnchor'] as const),
  /** Largest over smallest gradient norm of the explored steps, before and after the equalizer. */
  ...(['gradientImbalanceRaw', 'gradientImbalance'] as const),
] as const;
export type ScalarName = (typeof scalarNames)[number] | `${NamedKind}:${string}`;
/** Families of scalars whose names the reward gives. */
export const namedKinds = ['component', 'raw', 'heldOut'] as const;
export type NamedKind = (typeof namedKinds)[number];

/** Observables of an explored step, as in the `iteration` event. */
export const stepNames = [
  ...(['ratioDeviation', 'approxKl', 'clipFraction', 'gradientNormRaw', 'gradientNorm', 'analyticNorm'] as const),
  ...(['equalizer', 'klAnchor', 'klStep', 'driftReference', 'driftAnchor', 'excessEnergy'] as const),
] as const;
export type StepName = (typeof stepNames)[number];

const values = z.array(measured);
const envelope = z.object({ mean: values, min: values, max: values });
/** Of the iterations of each column: their mean, least and greatest value; null where nothing was measured. */
export type Envelope = z.infer<typeof envelope>;

export const series = z.object({
  /** First and last iteration of each column. */
  first: z.array(count),
  last: z.array(count),
  /** By `ScalarName`. */
  scalars: z.record(z.string(), envelope),
  /** The explored steps k, ascending: the rows of `stepValues`. */
  steps: z.array(count),
  /** By `StepName`: means, by row and column. */
  stepValues: z.record(z.string(), z.array(values)),
});
export type Series = z.infer<typeof series>;

/** A series without columns. */
export function emptySeries(): Series {
  return { first: [], last: [], scalars: {}, steps: [], stepValues: {} };
}

/** Curves of reward components in a series at most, and of the other named families; those named after these are left out. */
export const maximumComponents = 32;
/** Rows of step values in a series at most. Of an iteration with more explored steps, some at equal distances are kept. */
export const maximumSteps = 256;

type Iteration = EventOf<'iteration'>;
type Step = Iteration['steps'][number];
type Column = readonly (number | null)[];
type FixedName = (typeof scalarNames)[number];

/** Of an observable of the explored steps. Each name has its own reader, which is several times faster than one by name. */
const over = ({ steps }: Iteration, read: (step: Step) => number | null) => steps.map(read);

const readScalar: Record<FixedName, (event: Iteration) => number | null> = {
  reward: ({ reward }) => reward.mean,
  rewardStd: ({ reward }) => reward.std,
  rewardMin: ({ reward }) => reward.min,
  rewardMax: ({ reward }) => reward.max,
  distance: ({ distance }) => distance,
  deadGroups: ({ deadGroups }) => deadGroups,
  unscored: ({ unscored }) => unscored,
  advantageAbsMean: ({ advantageAbsMean }) => advantageAbsMean,
  firstReplayRatioDeviation: ({ firstReplayRatioDeviation }) => firstReplayRatioDeviation,
  loss: ({ loss }) => loss,
  beta: ({ beta }) => beta,
  learningRate: ({ learningRate }) => learningRate,
  updates: ({ updates }) => updates,
  updateNorm: ({ updateNorm }) => updateNorm,
  gradientNorm: ({ gradientNorm }) => gradientNorm,
  skippedUpdates: ({ skippedUpdates }) => skippedUpdates,
  peakMemory: ({ peakMemory }) => peakMemory,
  secondsRollout: ({ seconds }) => seconds.rollout,
  secondsDecode: ({ seconds }) => seconds.decode,
  secondsScore: ({ seconds }) => seconds.score,
  secondsUpdate: ({ seconds }) => seconds.update,
  secondsOther: ({ seconds }) => seconds.other,
  secondsTotal: ({ seconds }) => seconds.total,
  clipFraction: (event) => meanOf(over(event, (step) => step.clipFraction)),
  approxKl: (event) => meanOf(over(event, (step) => step.approxKl)),
  klAnchor: (event) => meanOf(over(event, (step) => step.klAnchor)),
  klStep: (event) => meanOf(over(event, (step) => step.klStep)),
  driftReference: (event) => meanOf(over(event, (step) => step.driftReference)),
  driftAnchor: (event) => meanOf(over(event, (step) => step.driftAnchor)),
  gradientImbalanceRaw: (event) => imbalanceOf(over(event, (step) => step.gradientNormRaw)),
  gradientImbalance: (event) => imbalanceOf(over(event, (step) => step.gradientNorm)),
};

const readStep: Record<StepName, (step: Step) => number | null> = {
  ratioDeviation: (step) => step.ratioDeviation,
  approxKl: (step) => step.approxKl,
  clipFraction: (step) => step.clipFraction,
  gradientNormRaw: (step) => step.gradientNormRaw,
  gradientNorm: (step) => step.gradientNorm,
  analyticNorm: (step) => step.analyticNorm,
  equalizer: (step) => step.equalizer,
  klAnchor: (step) => step.klAnchor,
  klStep: (step) => step.klStep,
  driftReference: (step) => step.driftReference,
  driftAnchor: (step) => step.driftAnchor,
  excessEnergy: (step) => step.excessEnergy,
};

const kindOf = (name: string) => namedKinds.find((kind) => name.startsWith(`${kind}:`)) ?? null;
const isNamed = (name: string) => kindOf(name) !== null;

/** What the reward names in an iteration. With its kind before it, no name is a property that every object has. */
function namedScalars(event: Iteration): [ScalarName, number][] {
  const families = [event.components, event.raw, event.heldOut];
  return families.flatMap((values, i) =>
    Object.entries(values ?? {})
      .slice(0, maximumComponents)
      .map(([name, value]): [ScalarName, number] => [`${namedKinds[i]}:${name}`, value]),
  );
}

/** The scalars of one iteration. */
export function scalarsOf(event: Iteration): Partial<Record<ScalarName, number | null>> {
  const fixed = scalarNames.map((name) => [name, readScalar[name](event)] as const);
  return Object.fromEntries([...fixed, ...namedScalars(event)]);
}

/** The steps of an iteration that a series shows, ascending, none twice. */
function shownSteps({ steps }: Iteration): Iteration['steps'] {
  const ascends = steps.every(({ k }, i) => i === 0 || k > steps[i - 1].k);
  const sorted = ascends ? steps : [...new Map(steps.map((step) => [step.k, step])).values()].sort((a, b) => a.k - b.k);
  const stride = Math.ceil(sorted.length / maximumSteps);
  return stride <= 1 ? sorted : sorted.filter((_, i) => i % stride === 0);
}

/** One iteration as a series of one column. */
export function seriesOfIteration(event: Iteration): Series {
  const scalars: Series['scalars'] = {};
  for (const [name, value] of Object.entries(scalarsOf(event)))
    scalars[name] = { mean: [value ?? null], min: [value ?? null], max: [value ?? null] };
  const steps = shownSteps(event);
  const stepValues = Object.fromEntries(stepNames.map((name) => [name, steps.map((step) => [step[name]])]));
  return { first: [event.iteration], last: [event.iteration], scalars, steps: steps.map(({ k }) => k), stepValues };
}

const blanks = (n: number) => new Array<number | null>(n).fill(null);

/** Appends columns of later iterations, in place. Names and steps that one side lacks have nothing measured there. */
export function appendSeries(to: Series, more: Series): void {
  const before = to.first.length;
  const added = more.first.length;
  extend(to.first, more.first);
  extend(to.last, more.last);
  const own = Object.keys(to.scalars);
  const fresh = Object.keys(more.scalars).filter((name) => to.scalars[name] === undefined);
  const named = namedKinds.flatMap((kind) => {
    const isOfKind = (name: string) => kindOf(name) === kind;
    return fresh.filter(isOfKind).slice(0, maximumComponents - own.filter(isOfKind).length);
  });
  for (const name of [...own, ...fresh.filter((name) => !isNamed(name)), ...named]) {
    const target = (to.scalars[name] ??= { mean: blanks(before), min: blanks(before), max: blanks(before) });
    for (const kind of ['mean', 'min', 'max'] as const)
      extend(target[kind], more.scalars[name]?.[kind] ?? blanks(added));
  }
  if (!sameSteps(to.steps, more.steps)) widen(to, more.steps, before);
  for (const name of stepNames) {
    const rows = (to.stepValues[name] ??= to.steps.map(() => blanks(before)));
    const rowOf = new Map(more.steps.map((k, i) => [k, more.stepValues[name]?.[i]]));
    for (const [i, k] of to.steps.entries()) extend(rows[i], rowOf.get(k) ?? blanks(added));
  }
}

/** Pushes one by one: spread into the arguments of `push`, a long list overflows the stack. */
function extend<T>(to: T[], more: readonly T[]): void {
  for (const value of more) to.push(value);
}

function sameSteps(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((k, i) => k === b[i]);
}

/** Gives a series rows for further steps, as long as there is room. */
function widen(to: Series, more: readonly number[], columns: number): void {
  const known = new Set(to.steps);
  const fresh = more.filter((k) => !known.has(k)).slice(0, Math.max(0, maximumSteps - to.steps.length));
  const steps = [...to.steps, ...fresh].sort((a, b) => a - b);
  for (const [name, rows] of Object.entries(to.stepValues)) {
    const rowOf = new Map(to.steps.map((k, i) => [k, rows[i]]));
    to.stepValues[name] = steps.map((k) => rowOf.get(k) ?? blanks(columns));
  }
  to.steps = steps;
}

function pushScalar({ mean, min, max }: Envelope, value: number | null): void {
  mean.push(value);
  min.push(value);
  max.push(value);
}

/** What an iteration has for each row of a series; null when it has a step for which there is no row. */
function rowsFor(steps: readonly number[], shown: Iteration['steps']): (Step | null)[] | null {
  let next = 0;
  const rows = steps.map((k) => (shown[next]?.k === k ? shown[next++] : null));
  return next === shown.length ? rows : null;
}

/** The same as to append `seriesOfIteration(event)`, several times faster where its names and steps are known. */
export function appendIteration(to: Series, event: Iteration): void {
  const { scalars, stepValues } = to;
  const named = new Map<string, number>(namedScalars(event));
  const rows = rowsFor(to.steps, shownSteps(event));
  const areKnown = [...named.keys()].every((name) => scalars[name]);
  if (!scalars.reward || !rows || !areKnown) return appendSeries(to, seriesOfIteration(event));
  to.first.push(event.iteration);
  to.last.push(event.iteration);
  for (const name of scalarNames) pushScalar(scalars[name], readScalar[name](event));
  for (const name of Object.keys(scalars)) if (isNamed(name)) pushScalar(scalars[name], named.get(name) ?? null);
  for (const name of stepNames) {
    const target = stepValues[name];
    const read = readStep[name];
    for (let i = 0; i < rows.length; i++) {
      const step = rows[i];
      target[i].push(step === null ? null : read(step));
    }
  }
}

/** Where buckets begin, as indices of columns, with the number of columns behind them; and the iterations of each column. */
interface Folding {
  starts: number[];
  weights: number[];
}

/**
 * Joins neighbouring columns to at most about `limit` and at least about half as many of equal width, in place. The width
 * is a power of two and columns begin at its multiples, so that to fold early or late, once or often, gives the same
 * columns in the end. Means weigh columns by their iterations; one of which only some were measured counts as if all had
 * been. Fold when there are twice as many as wanted: the cost by iteration is then constant, and what is newest stays fine.
 */
export function foldSeries(target: Series, limit: number): void {
  const { first, last } = target;
  const columns = first.length;
  const span = columns === 0 ? 0 : last[columns - 1] - first[0] + 1;
  if (span <= limit) return;
  const width = 2 ** Math.max(1, Math.ceil(Math.log2(span / limit)));
  const starts: number[] = [];
  for (let i = 0; i < columns; i++)
    if (i === 0 || Math.floor(first[i] / width) !== Math.floor(first[i - 1] / width)) starts.push(i);
  if (starts.length === columns) return;
  const folding: Folding = { starts: [...starts, columns], weights: first.map((from, i) => last[i] - from + 1) };
  for (const envelope of Object.values(target.scalars)) {
    envelope.mean = joinMeans(envelope.mean, folding);
    envelope.min = joinExtremes(envelope.min, folding, Math.min);
    envelope.max = joinExtremes(envelope.max, folding, Math.max);
  }
  for (const [name, rows] of Object.entries(target.stepValues))
    target.stepValues[name] = rows.map((row) => joinMeans(row, folding));
  target.last = starts.map((_, i) => last[(starts[i + 1] ?? columns) - 1]);
  target.first = starts.map((start) => first[start]);
}

function joinMeans(all: Column, { starts, weights }: Folding): (number | null)[] {
  const joined: (number | null)[] = [];
  for (let bucket = 0; bucket < starts.length - 1; bucket++) {
    let sum = 0;
    let weight = 0;
    for (let i = starts[bucket]; i < starts[bucket + 1]; i++) {
      const value = all[i];
      if (value === null) continue;
      sum += value * weights[i];
      weight += weights[i];
    }
    joined.push(weight === 0 ? null : sum / weight);
  }
  return joined;
}

function joinExtremes(all: Column, { starts }: Folding, choose: (a: number, b: number) => number): (number | null)[] {
  const joined: (number | null)[] = [];
  for (let bucket = 0; bucket < starts.length - 1; bucket++) {
    let extreme: number | null = null;
    for (let i = starts[bucket]; i < starts[bucket + 1]; i++) {
      const value = all[i];
      if (value !== null) extreme = extreme === null ? value : choose(extreme, value);
    }
    joined.push(extreme);
  }
  return joined;
}
