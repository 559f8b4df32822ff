import { SageError } from '../errors.ts';
import { followEvents, type EventFollower, type ReadOptions } from '../run/event-log.ts';

/**
 * Follows a log as `followEvents` does. One that does not fit together was perhaps replaced under the reader's hands: it is
 * read anew, as after a resume; the same fault a second time is thrown.
 */
export function followSteadily(file: string, options: ReadOptions = {}): EventFollower {
  let follower = followEvents(file, options);
  let fault: string | null = null;

  function startAnew(error: unknown): void {
    if (!(error instanceof SageError) || error.code !== 'events/corrupt' || error.message === fault) throw error;
    fault = error.message;
    follower = followEvents(file, options);
  }

  async function next(): ReturnType<EventFollower['next']> {
    try {
      return await follower.next();
    } catch (error) {
      startAnew(error);
      return { ...(await next()), restarted: true };
    }
  }
  return { next };
}
