import { MethodError, requireInRange } from './errors.ts';

export type AnchorMode = 'moving' | 'fixed' | 'none';

/**
 * Whether the anchor is to be refreshed now (method.md, `KL_anchor`): only a `moving` one, every `interval` updates.
 * @param updates optimizer updates done so far in the run
 * @throws MethodError on an interval that is not a whole number of at least 1
 */
export function anchorDue(updates: number, mode: AnchorMode, interval: number): boolean {
  if (mode !== 'moving') return false;
  requireInRange('trust_region.anchor.interval', interval, {
    minimum: 1,
    maximum: Number.MAX_SAFE_INTEGER,
    usual: 10,
    whole: true,
  });
  return updates > 0 && updates % interval === 0;
}

export interface KlControllerOptions {
  /** `adaptive` raises β above the target; `released` has the released code's opposite sign. */
  controller: 'constant' | 'adaptive' | 'released';
  /** β of the first call. */
  initial: number;
  /** Lower end of β after the ramp. */
  minimum: number;
  /** β at the end of the ramp and its upper end afterwards. */
  weight: number;
  /** The KL that `adaptive` steers to. */
  target: number;
  /** Calls over which β ramps from `initial` to `weight`; 0 starts at `weight`. */
  rampCalls: number;
}

/** Plain JSON. */
export interface KlControllerState {
  /** β for the next update. */
  beta: number;
  calls: number;
  /** The last KL values, newest last, at most 10. */
  recent: number[];
}

const recentLength = 10;

/**
 * A controller before its first call (method.md, "Dual trust region").
 * @throws MethodError on options that are negative or not finite, or a minimum above the weight
 */
export function createKlController(options: KlControllerOptions): KlControllerState {
  requireOptions(options);
  return { beta: options.rampCalls === 0 ? options.weight : options.initial, calls: 0, recent: [] };
}

/**
 * β after one more observed KL (method.md, "Dual trust region"). During the ramp it rises linearly from `initial` to
 * `weight`. Then `constant` stays at `weight`; `adaptive` multiplies by 1.1 where the mean of the last 10 exceeds
 * 1.5·target and by 0.9 below 0.5·target, within [minimum, weight]; `released` swaps the two factors.
 *
 * @param kl observed KL; a value that is not finite counts as a call but is not remembered
 * @returns a new state
 */
export function stepKlController(
  state: KlControllerState,
  kl: number,
  options: KlControllerOptions,
): KlControllerState {
  const calls = state.calls + 1;
  const recent = Number.isFinite(kl) ? [...state.recent, kl].slice(-recentLength) : state.recent;
  return { beta: nextBeta(state.beta, calls, recent, options), calls, recent };
}

function nextBeta(beta: number, calls: number, recent: number[], options: KlControllerOptions): number {
  const { controller, initial, minimum, weight, target, rampCalls } = options;
  if (calls < rampCalls) return initial + ((weight - initial) * calls) / rampCalls;
  if (calls === rampCalls || controller === 'constant') return weight;
  if (recent.length === 0) return beta;
  const mean = recent.reduce((sum, value) => sum + value, 0) / recent.length;
  const isHigh = mean > 1.5 * target;
  const isLow = mean < 0.5 * target;
  const factor = isHigh === isLow ? 1 : isHigh === (controller === 'adaptive') ? 1.1 : 0.9;
  return Math.min(Math.max(beta * factor, minimum), weight);
}

function requireOptions(options: KlControllerOptions): void {
  const { initial, minimum, weight, target, rampCalls } = options;
  const share = { minimum: 0, maximum: 1e6 };
  requireInRange('trust_region.beta.weight', weight, { ...share, usual: 1e-5 });
  requireInRange('trust_region.beta.initial', initial, { ...share, usual: 1e-7 });
  requireInRange('trust_region.beta.minimum', minimum, { ...share, usual: 1e-7 });
  requireInRange('trust_region.beta.target', target, { minimum: 1e-12, maximum: 1e6, usual: 0.01 });
  requireInRange('trust_region.beta.ramp_calls', rampCalls, { minimum: 0, maximum: 1e9, usual: 100, whole: true });
  if (minimum <= weight) return;
  throw new MethodError({
    code: 'minimum-above-weight',
    key: 'trust_region.beta.minimum',
    value: minimum,
    nearest: weight,
    reason: `beta moves between minimum and weight, and weight is ${weight}`,
  });
}
