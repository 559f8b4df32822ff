import type { Range, ScaleKind } from './scale.ts';

/** Ends for the colours that change seldom: values that are round, a factor of two to two and a half apart. */
export function colourDomain(low: number | null, high: number | null, kind: ScaleKind): Range {
  if (low === null || high === null) return kind === 'log' ? [0.1, 1] : [0, 1];
  const rounds = [1, 2, 5, 10];
  const down = (value: number) => {
    const power = 10 ** Math.floor(Math.log10(value));
    return Number((power * rounds.findLast((factor) => factor * power <= value * 1.000001)!).toPrecision(6));
  };
  const up = (value: number) => {
    const power = 10 ** Math.floor(Math.log10(value));
    return Number((power * rounds.find((factor) => factor * power >= value * 0.999999)!).toPrecision(6));
  };
  if (kind === 'log') {
    const [from, to] = [down(low), up(high)];
    return from < to ? [from, to] : [from, from * 10];
  }
  return [low < 0 ? -up(-low) : 0, high > 0 ? up(high) : 1];
}
