import type { MethodError } from '../method/errors.ts';
import { maxSteps, shiftRange, sigmaMaxRange } from '../method/schedule.ts';
import type { Fix } from './diagnostics.ts';
import { likely, removeKey, setKey } from './fixes.ts';
import type { Config } from './schema.ts';

/** Two significant digits, downwards: what a person would write. */
function roundDown(value: number, digits = 2): number {
  const unit = 10 ** (Math.floor(Math.log10(value)) + 1 - digits);
  return Number((Math.floor(value / unit) * unit).toPrecision(digits));
}

/** The number nearest to `bad` that passes, where all beyond it towards `good` do; `good` itself passes. */
function bisect(good: number, bad: number, passes: (value: number) => boolean): number {
  for (let round = 0; round < 60; round++) {
    const middle = (good + bad) / 2;
    if (passes(middle)) good = middle;
    else bad = middle;
  }
  return good;
}

/** The largest shift with which the first of so many steps ends below sigma_max; null where none does. */
export function largestShift(steps: number, shift: number, sigmaMax: number): number | null {
  const passes = (value: number) => maxSteps(value, sigmaMax) >= steps;
  const { minimum } = shiftRange;
  if (!passes(minimum)) return null;
  const found = roundDown(bisect(minimum, shift, passes));
  return found >= minimum && passes(found) ? found : minimum;
}

/** The smallest sigma_max that the first of so many steps ends below; null where none does. */
export function smallestSigmaMax(steps: number, shift: number, sigmaMax: number): number | null {
  const passes = (value: number) => maxSteps(shift, value) >= steps;
  const { maximum } = sigmaMaxRange;
  if (!passes(maximum)) return null;
  const rest = roundDown(1 - bisect(maximum, sigmaMax, passes), 1);
  const found = Number((1 - rest).toPrecision(8));
  return found <= maximum && passes(found) ? found : maximum;
}

/** The ways out of a schedule with too many steps, besides fewer steps: as a sentence, and as fixes. */
export function scheduleFixes(fault: MethodError, config: Config): { others: string[]; fixes: Fix[] } {
  const { steps, shift } = config.sampling;
  const { sigma_max: sigmaMax, eta } = config.exploration;
  const lower = largestShift(steps, shift, sigmaMax);
  const higher = smallestSigmaMax(steps, shift, sigmaMax);
  const kernels = (['flow_grpo', 'dance_grpo', 'cps'] as const).filter((kernel) => kernel !== 'cps' || eta <= 1);
  const ways = [
    lower === null ? '' : `lower sampling.shift to ${lower}`,
    higher === null ? '' : `raise exploration.sigma_max to ${higher}`,
    'use another kernel',
  ].filter(Boolean);
  const sentence = ways.length > 1 ? `${ways.slice(0, -1).join(', ')} or ${ways.at(-1)}` : ways[0];
  return {
    others: [...(fault.alternatives ?? []), sentence],
    fixes: [
      likely(setKey('sampling.steps', fault.nearest)),
      likely(setKey('exploration.clamp_both_ends', true)),
      ...(lower === null ? [] : [likely(setKey('sampling.shift', lower))]),
      ...(higher === null ? [] : [likely(setKey('exploration.sigma_max', higher))]),
      ...kernels.map((kernel) => setKey('exploration.kernel', kernel)),
    ],
  };
}

/** The ways out of any other fault of the method. */
export function faultFixes({ key, nearest }: MethodError): Fix[] {
  if (nearest === null) return [];
  const fix = likely(setKey(key, nearest));
  return key === 'exploration.window' ? [fix, removeKey(key, '(explore every step)')] : [fix];
}
