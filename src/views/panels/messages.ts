/** What comes out of webviews is checked before anything is done with it. */
import type { z } from 'zod';
import type { LogSink } from '../../engine/create.ts';

/** Wrong messages are told once in so many milliseconds, with their number. */
const quiet = 10_000;

/**
 * A listener for messages of a webview that hands on those which the contract knows. Others are dropped and counted in the log,
 * without what they hold. What a handler throws is logged too.
 * @param now milliseconds, from any fixed moment
 */
export function checkedMessages<Message>(
  contract: z.ZodType<Message>,
  handle: (message: Message) => void | PromiseLike<void>,
  { log, from, now = () => performance.now() }: { log: LogSink; from: string; now?: () => number },
): (raw: unknown) => void {
  let dropped = 0;
  let toldAt = -Infinity;
  const drop = () => {
    dropped += 1;
    if (now() - toldAt < quiet) return;
    log.warn(`${from}: ${dropped} message${dropped === 1 ? '' : 's'} that the contract does not know dropped`);
    dropped = 0;
    toldAt = now();
  };
  const failed = (error: unknown) => log.error(`${from}: ${error instanceof Error ? error.message : String(error)}`);
  return (raw) => {
    const checked = contract.safeParse(raw);
    if (!checked.success) return drop();
    try {
      Promise.resolve(handle(checked.data)).catch(failed);
    } catch (error) {
      failed(error);
    }
  };
}

/** Runs a task unless the one before still goes on; then nothing happens. For dialogs and editors, of which one is enough. */
export function oneAtATime<Args extends unknown[]>(
  task: (...args: Args) => PromiseLike<void>,
): (...args: Args) => Promise<void> {
  let busy = false;
  return async (...args) => {
    if (busy) return;
    busy = true;
    try {
      await task(...args);
    } finally {
      busy = false;
    }
  };
}
