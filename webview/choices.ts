/** What a person has chosen in a view: tabs, sliders, scales. It outlives the page. */
import { effect, signal, type Signal } from '@preact/signals';

export type Choice = string | number | boolean | null;

/** `number` of `0`, and so on, so that a fallback does not fix the type to its own value. */
type Widened<T extends Choice> = T extends string
  ? string
  : T extends number
    ? number
    : T extends boolean
      ? boolean
      : T;

export interface Choices {
  /** The signal of a choice. Names are stable, as they are kept; a kept value of another type is ignored. */
  choice<T extends Choice>(name: string, fallback: T): Signal<Widened<T>>;
}

function widen(value: Choice): 'number' | 'string' | 'boolean' | 'null' {
  return value === null ? 'null' : (typeof value as 'number' | 'string' | 'boolean');
}

/**
 * @param kept what `keep` was given before
 * @param keep gets all choices after each change
 */
export function keepChoices(kept: unknown, keep: (choices: Record<string, Choice>) => void): Choices {
  const before = (typeof kept === 'object' && kept !== null ? kept : {}) as Record<string, unknown>;
  const values: Record<string, Choice> = {};
  for (const [name, value] of Object.entries(before))
    if (value === null || ['string', 'number', 'boolean'].includes(typeof value)) values[name] = value as Choice;
  const signals = new Map<string, Signal<Choice>>();
  return {
    choice<T extends Choice>(name: string, fallback: T): Signal<Widened<T>> {
      const known = signals.get(name);
      if (known) return known as Signal<Choice> as Signal<Widened<T>>;
      const old = Object.hasOwn(values, name) ? values[name] : undefined;
      const fits = old !== undefined && (fallback === null || old === null || widen(old) === widen(fallback));
      const made = signal<Choice>(fits ? old : fallback);
      signals.set(name, made);
      let first = true;
      effect(() => {
        const value = made.value;
        if (first) first = false;
        else {
          values[name] = value;
          keep({ ...values });
        }
      });
      return made as Signal<Choice> as Signal<Widened<T>>;
    },
  };
}
