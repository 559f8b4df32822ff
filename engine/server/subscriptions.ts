import { stat } from 'node:fs/promises';
import { exitCodes, SageError } from '../errors.ts';
import type { NotificationOf, Problem } from '../protocol.ts';
import { runPaths } from '../run/folder.ts';
import { createPages, type PageOptions } from './pages.ts';
import { problemOf } from './problem.ts';

/** Milliseconds between looks at a log: soon after it grew, seldom while it rests. */
const pace = { busy: 100, resting: 1000, growth: 1.5 };

export interface SubscriptionSink {
  /** Resolves when the page is on its way; the next is read only then. */
  page(page: NotificationOf<'run/events'>): Promise<void>;
  unreadable(subscription: number, problem: Problem): Promise<void>;
}

export interface Subscriptions {
  /** Begins to send a run's events; returns the number of the subscription. */
  add(runFolder: string, options: PageOptions): number;
  /** Ends one; no page of it is sent any more. */
  remove(subscription: number): boolean;
  close(): void;
}

/** A sleep that can be cut short. */
function createSleep() {
  let wake = () => {};
  return {
    for: (milliseconds: number) =>
      new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, milliseconds);
        wake = () => {
          clearTimeout(timer);
          resolve();
        };
      }),
    end: () => wake(),
  };
}

async function requireRun(runFolder: string): Promise<void> {
  if (await stat(runFolder).catch(() => null)) return;
  throw new SageError('run-unknown', `The run folder ${runFolder} is gone.`, 'It was moved or deleted.', {
    place: { file: runFolder },
    exitCode: exitCodes.usage,
  });
}

/** Keeps the subscriptions of one connection. */
export function createSubscriptions(sink: SubscriptionSink): Subscriptions {
  const stops = new Map<number, () => void>();
  let last = 0;

  async function run(
    subscription: number,
    runFolder: string,
    options: PageOptions,
    sleep: ReturnType<typeof createSleep>,
  ) {
    const pages = createPages(runPaths(runFolder).events, options);
    let wait = pace.busy;
    while (stops.has(subscription)) {
      const page = await pages.next();
      if (!stops.has(subscription)) return;
      if (page) {
        await sink.page({ subscription, ...page });
        wait = pace.busy;
        if (!page.caughtUp) continue;
      } else {
        await requireRun(runFolder);
        wait = Math.min(pace.resting, wait * pace.growth);
      }
      await sleep.for(wait);
    }
  }

  function add(runFolder: string, options: PageOptions): number {
    const subscription = ++last;
    const sleep = createSleep();
    stops.set(subscription, sleep.end);
    // The answer to the request goes out before the first page.
    setImmediate(() => {
      run(subscription, runFolder, options, sleep)
        .catch(async (error) => {
          if (stops.has(subscription)) await sink.unreadable(subscription, problemOf(error));
        })
        // A page that cannot be sent has no receiver any more.
        .catch(() => undefined)
        .finally(() => stops.delete(subscription));
    });
    return subscription;
  }

  function remove(subscription: number): boolean {
    const stop = stops.get(subscription);
    stops.delete(subscription);
    stop?.();
    return stop !== undefined;
  }
  return { add, remove, close: () => [...stops.keys()].forEach(remove) };
}
