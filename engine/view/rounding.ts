import type { EvaluationSummary, Series } from '../protocol.ts';

/** Significant digits of what was measured, in views: more than any chart shows, and a third of the bytes. */
const digits = 6;
/** The largest power of ten that a float64 holds exactly. */
const exactPower = 22;
const powers = Array.from({ length: exactPower + 1 }, (_, i) => Number(`1e${i}`));

/** A number with about six significant digits; whole numbers stay as they are. */
export function rounded(value: number): number {
  if (Number.isSafeInteger(value)) return value;
  const power = digits - 1 - Math.floor(Math.log10(Math.abs(value)));
  if (Math.abs(power) > exactPower) return Number(value.toPrecision(digits));
  // A whole number divided by, or times, an exact power of ten is the float64 nearest to the decimal, which prints short.
  return power >= 0
    ? Math.round(value * powers[power]) / powers[power]
    : Math.round(value / powers[-power]) * powers[-power];
}

export function roundedOrNull(value: number | null): number | null {
  return value === null ? null : rounded(value);
}

/** A copy of a series as it is sent. */
export function roundedSeries({ first, last, scalars, steps, stepValues }: Series): Series {
  const row = (values: readonly (number | null)[]) => values.map(roundedOrNull);
  const envelopes = Object.entries(scalars).map(([name, { mean, min, max }]) => {
    return [name, { mean: row(mean), min: row(min), max: row(max) }] as const;
  });
  return {
    first: [...first],
    last: [...last],
    scalars: Object.fromEntries(envelopes),
    steps: [...steps],
    stepValues: Object.fromEntries(Object.entries(stepValues).map(([name, rows]) => [name, rows.map(row)])),
  };
}

/** An evaluation as it is sent, with at most so many components. */
export function roundedEvaluation(evaluation: EvaluationSummary, components: number): EvaluationSummary {
  const named = (values: Record<string, number>) => {
    const shown = Object.entries(values).slice(0, components);
    return Object.fromEntries(shown.map(([name, value]) => [name, rounded(value)]));
  };
  return {
    ...evaluation,
    reward: rounded(evaluation.reward),
    rewardStd: rounded(evaluation.rewardStd),
    components: named(evaluation.components),
    ...(evaluation.raw && { raw: named(evaluation.raw) }),
    ...(evaluation.heldOut && { heldOut: named(evaluation.heldOut) }),
    distance: roundedOrNull(evaluation.distance),
    ceiling: roundedOrNull(evaluation.ceiling),
  };
}
