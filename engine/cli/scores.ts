import type { EvaluationSummary } from '../run/events.ts';
import { figure } from './output.ts';

type Scored = Pick<EvaluationSummary, 'components' | 'raw' | 'heldOut'>;

const own = (values: Record<string, number> | undefined, name: string) =>
  values !== undefined && Object.hasOwn(values, name) ? values[name] : null;

/**
 * Columns of a table for what evaluations scored: each component, with its mean on the model's own scale where that differs,
 * and each metric that is only watched.
 */
export function scoreColumns(evaluations: readonly Scored[]): { header: string[]; cells(of: Scored): string[] } {
  const namesOf = (values: (Record<string, number> | undefined)[]) => [
    ...new Set(values.flatMap((each) => Object.keys(each ?? {}))),
  ];
  const components = namesOf(evaluations.map((each) => each.components));
  const heldOut = namesOf(evaluations.map((each) => each.heldOut));
  return {
    header: [...components, ...heldOut.map((name) => `${name} (held out)`)],
    cells: (of) => [
      ...components.map((name) => {
        const raw = own(of.raw, name);
        return `${figure(own(of.components, name))}${raw === null ? '' : ` (raw ${figure(raw)})`}`;
      }),
      ...heldOut.map((name) => figure(own(of.heldOut, name))),
    ],
  };
}
