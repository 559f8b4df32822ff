import type { EventFollower } from '../run/event-log.ts';
import type { RunEvent } from '../run/events.ts';
import { followSteadily } from './follow.ts';

/** Part of a run's log as it goes to a subscriber. */
export interface Page {
  events: RunEvent[];
  /** The log was cut back: what was sent before is void. */
  restarted: boolean;
  /** All that was there has been sent; what follows is live. */
  caughtUp: boolean;
}

export interface PageOptions {
  fromSeq: number;
  /** `time` of the event before `fromSeq`, to notice a log that was cut and written anew meanwhile. */
  lastTime?: string;
  /** Events of one page at most. */
  pageEvents: number;
}

/** Gives a log page by page; `next` is null when there is nothing new. */
export interface Pages {
  next(): Promise<Page | null>;
}

/**
 * Pages of a log from a sequence number on: first what is there, ended by a page that is `caughtUp`, then what is
 * appended. Nothing is left out or doubled, whatever happens to the log: where it no longer holds what the subscriber
 * has, it is sent from its start, marked `restarted`. Every event has been checked in full.
 */
export function createPages(file: string, options: PageOptions): Pages {
  let follower: EventFollower = followSteadily(file);
  let fromSeq = options.fromSeq;
  let waiting: RunEvent[] = [];
  let lastRead = 0;
  let restarted = false;
  let live = false;

  function forget(): void {
    fromSeq = 0;
    waiting = [];
    restarted = true;
    live = false;
  }

  function startAnew(): void {
    follower = followSteadily(file);
    lastRead = 0;
    forget();
  }

  /** Whether the event before `fromSeq` is not the one that the subscriber has. */
  function isAnotherPast(events: readonly RunEvent[]): boolean {
    if (options.lastTime === undefined || fromSeq === 0) return false;
    const before = events.find(({ seq }) => seq === fromSeq - 1);
    return before !== undefined && before.time !== options.lastTime;
  }

  /** Takes the next batch into `waiting`; false at the end of the log. */
  async function read(): Promise<boolean> {
    const { events, restarted: cut } = await follower.next();
    if (cut) forget();
    if (isAnotherPast(events)) {
      startAnew();
      return true;
    }
    for (const event of events) if (event.seq >= fromSeq) waiting.push(event);
    lastRead = events.at(-1)?.seq ?? lastRead;
    return events.length > 0;
  }

  function page(): Page {
    const taken = { events: waiting.slice(0, options.pageEvents), restarted, caughtUp: live };
    waiting = waiting.slice(options.pageEvents);
    restarted = false;
    return taken;
  }

  async function next(): Promise<Page | null> {
    while (waiting.length === 0) {
      if (await read()) continue;
      // The subscriber has more than the log: it was cut, and is to grow again.
      if (!live && lastRead < fromSeq - 1) startAnew();
      else if (!live || restarted) {
        live = true;
        return page();
      } else return null;
    }
    return page();
  }
  return { next };
}
