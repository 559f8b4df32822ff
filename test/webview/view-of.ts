import type { RunSummary, RunView, RunViewChange } from '../../engine/protocol.ts';
import { inspectRun } from '../../engine/run/inspect.ts';
import { createObservation, type Observation } from '../../engine/server/observation.ts';

/** Columns that a dashboard asks for. */
export const columns = 500;

/** A run as the engine shows it to a dashboard. */
export interface ObservedRun {
  summary: RunSummary;
  view: RunView;
  /** What has come since; null when nothing has. */
  next(): Promise<RunViewChange | null>;
}

/** What goes from the engine to a dashboard goes through JSON. */
const sent = <T>(value: T) => JSON.parse(JSON.stringify(value)) as T;

async function readAll(observation: Observation): Promise<void> {
  while (await observation.read());
}

/** Observes a run by the code of the engine, without a process between. */
export async function observe(folder: string): Promise<ObservedRun> {
  const observation = createObservation(folder, columns);
  await readAll(observation);
  const told = await observation.tidings();
  if (!told || !('view' in told)) throw new Error('the engine has not told the whole first');
  return {
    summary: sent(await inspectRun(folder)),
    view: sent(told.view),
    async next() {
      await readAll(observation);
      const change = await observation.tidings();
      if (change && 'view' in change) throw new Error('the engine has begun anew');
      return change && sent(change.change);
    },
  };
}
