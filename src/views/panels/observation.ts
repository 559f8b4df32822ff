import type { Engine } from '../../engine/engine.ts';
import { observeRun } from '../../engine/observe.ts';
import type { Observe } from './relay.ts';

/** Columns of the series of a whole run: about one for two pixels of a wide chart. */
const columns = 500;

/** How a run is observed for panels. While the engine is not there, `followConnection` tells. */
export function observerOf(engine: Engine, run: string): Observe {
  return ({ onView, onChange, onProblem }) =>
    observeRun(engine, run, columns, { view: onView, change: onChange, unobservable: onProblem, waiting: () => {} });
}
