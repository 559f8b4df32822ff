/** Everything a `MethodError` carries besides its sentence. */
export interface MethodFault {
  /** Stable name of the fault, such as `steps-too-many`. */
  code: string;
  /** Config key of the offending value, such as `sampling.steps`. */
  key: string;
  value: unknown;
  /** The valid value nearest to `value`; null where no value of this key alone would do. */
  nearest: unknown;
  /** Other ways out, each one config line. */
  alternatives?: string[];
  /** Why the value cannot be used: completes "KEY is VALUE, but …". */
  reason: string;
}

/** A value the method is not defined for. The message names it and the nearest valid one. */
export class MethodError extends Error {
  readonly code: string;
  readonly key: string;
  readonly value: unknown;
  readonly nearest: unknown;
  readonly alternatives?: string[];

  constructor(fault: MethodFault) {
    super(describe(fault));
    this.name = 'MethodError';
    this.code = fault.code;
    this.key = fault.key;
    this.value = fault.value;
    this.nearest = fault.nearest;
    if (fault.alternatives !== undefined) this.alternatives = fault.alternatives;
  }
}

function describe({ key, value, reason, nearest, alternatives = [] }: MethodFault): string {
  const advice = nearest === null ? '' : ` The nearest valid value is ${show(nearest)}.`;
  const ways = alternatives.length === 0 ? '' : ` Or: ${alternatives.join('; or ')}.`;
  return `${key} is ${show(value)}, but ${reason}.${advice}${ways}`;
}

/** JSON would hide NaN and the infinities as null. */
function show(value: unknown): string {
  if (typeof value === 'number') return String(value);
  if (Array.isArray(value)) return `[${value.map(show).join(', ')}]`;
  if (typeof value !== 'object' || value === null) return String(JSON.stringify(value));
  const fields = Object.entries(value).map(([name, field]) => `${name}: ${show(field)}`);
  return `{${fields.join(', ')}}`;
}

/** An accepted interval, both ends included. `usual` answers for a value that is no number at all. */
export interface Range {
  minimum: number;
  maximum: number;
  usual: number;
  whole?: boolean;
}

/** The value of `range` nearest to `value`. */
export function nearestIn(range: Range, value: unknown): number {
  if (typeof value !== 'number' || Number.isNaN(value)) return range.usual;
  const clamped = Math.min(Math.max(value, range.minimum), range.maximum);
  return range.whole === true ? Math.round(clamped) : clamped;
}

/** Throws a `MethodError` unless `value` is a finite number (a whole one where `range.whole`) inside `range`. */
export function requireInRange(key: string, value: unknown, range: Range): void {
  const isNumber = typeof value === 'number' && Number.isFinite(value);
  const isKind = isNumber && (range.whole !== true || Number.isInteger(value));
  if (isKind && value >= range.minimum && value <= range.maximum) return;
  const kind = range.whole === true ? 'a whole number' : 'a finite number';
  throw new MethodError({
    code: isKind ? 'out-of-range' : 'not-a-number',
    key,
    value,
    nearest: nearestIn(range, value),
    reason: `it must be ${kind} from ${range.minimum} to ${range.maximum}`,
  });
}
