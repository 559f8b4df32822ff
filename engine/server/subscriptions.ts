import type { NotificationOf, Problem } from '../protocol.ts';
import { runPaths } from '../run/folder.ts';
import { createPages, type PageOptions } from './pages.ts';
import { problemOf } from './problem.ts';
import { createSleep, pace, requireRun, type Sleep } from './sleep.ts';

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

/** Keeps the subscriptions of one connection. */
export function createSubscriptions(sink: SubscriptionSink): Subscriptions {
  const stops = new Map<number, () => void>();
  let last = 0;
  let closed = false;

  async function run(subscription: number, runFolder: string, options: PageOptions, sleep: Sleep) {
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
    // A request that was being looked at when the editor went has no one to send to.
    if (closed) return subscription;
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
  function close(): void {
    closed = true;
    [...stops.keys()].forEach(remove);
  }
  return { add, remove, close };
}
