import type { NotificationOf, Problem } from '../protocol.ts';
import type { LogIndex } from '../view/accumulator.ts';
import { createObservation, type Observation } from './observation.ts';
import { problemOf } from './problem.ts';
import { createSleep, pace, requireRun, type Sleep } from './sleep.ts';
import { createTurns } from './turns.ts';

export interface ObservationSink {
  /** They resolve when the message is on its way; nothing else of the observation is sent before. */
  view(view: NotificationOf<'run/view'>): Promise<void>;
  changed(change: NotificationOf<'run/viewChanged'>): Promise<void>;
  unobservable(observation: number, problem: Problem): Promise<void>;
}

export interface Observations {
  /** Begins to send what a dashboard shows of a run; returns the number of the observation. */
  add(runFolder: string, columns: number): number;
  /** Ends one; nothing of it is sent any more. */
  remove(observation: number): boolean;
  /** What an open observation of a run knows of its log; null where there is none. */
  index(runFolder: string): LogIndex | null;
  close(): void;
}

interface Open {
  runFolder: string;
  observation: Observation;
  sleep: Sleep;
}

/** Keeps the observations of one connection. */
export function createObservations(sink: ObservationSink): Observations {
  const open = new Map<number, Open>();
  // Reading a log and making up a message take the process for some milliseconds each.
  const turn = createTurns();
  let last = 0;
  let closed = false;

  /** Reads on and tells; whether there was anything to tell. */
  async function step(number: number, { observation }: Open): Promise<boolean> {
    while (await turn(observation.read)) if (observation.isTold() || !open.has(number)) break;
    if (!open.has(number)) return false;
    const tidings = await turn(observation.tidings);
    if (!open.has(number) || tidings === null) return false;
    if ('view' in tidings) await sink.view({ observation: number, ...tidings });
    else await sink.changed({ observation: number, ...tidings });
    return true;
  }

  async function run(number: number, opened: Open): Promise<void> {
    let wait = pace.busy;
    while (open.has(number)) {
      const told = await step(number, opened);
      if (!told) await requireRun(opened.runFolder);
      wait = told ? pace.busy : Math.min(pace.resting, wait * pace.growth);
      if (open.has(number)) await opened.sleep.for(wait);
    }
  }

  function add(runFolder: string, columns: number): number {
    const number = ++last;
    // A request that was being looked at when the editor went has no one to send to.
    if (closed) return number;
    const opened = { runFolder, observation: createObservation(runFolder, columns), sleep: createSleep() };
    open.set(number, opened);
    // The answer to the request goes out before the first view.
    setImmediate(() => {
      run(number, opened)
        .catch(async (error) => {
          if (open.has(number)) await sink.unobservable(number, problemOf(error));
        })
        // What cannot be sent has no receiver any more.
        .catch(() => undefined)
        .finally(() => open.delete(number));
    });
    return number;
  }

  function remove(number: number): boolean {
    const opened = open.get(number);
    open.delete(number);
    opened?.sleep.end();
    return opened !== undefined;
  }

  function index(runFolder: string): LogIndex | null {
    const found = [...open.values()].find((opened) => opened.runFolder === runFolder);
    return found?.observation.index() ?? null;
  }
  function close(): void {
    closed = true;
    [...open.keys()].forEach(remove);
  }
  return { add, remove, index, close };
}
