/** Passes on what the engine tells of a run, no faster than the page takes it and than a person wants it. */
import { appendSeries, type Problem, type RunView, type RunViewChange } from '../../../engine/protocol.ts';
import type { Disposable } from '../../engine/engine.ts';
import { inEditor } from '../../engine/advice.ts';
import { engineError } from '../../engine/problems.ts';

export interface Observer {
  /** All of the run: at first, and again when it has begun anew or the engine has. */
  onView(view: RunView): void;
  onChange(change: RunViewChange): void;
  /** The run cannot be read; nothing more comes before the engine is started anew. */
  onProblem(problem: Problem): void;
}
/** Observes one run until it is disposed. */
export type Observe = (observer: Observer) => Disposable;

export type Relayed =
  { type: 'view'; view: RunView } | { type: 'change'; change: RunViewChange } | { type: 'problem'; problem: Problem };

export interface Relay {
  /** The page listens and knows nothing. While a first view is on its way, that one will do. */
  start(): void;
  /** The page is gone or hidden. */
  stop(): void;
  /** Whether the run could not be read when it was last looked at. */
  readonly ended: boolean;
}

/** Two changes as one; the earlier is used up. */
export function mergeChanges(earlier: RunViewChange, later: RunViewChange): RunViewChange {
  appendSeries(earlier.series, later.series);
  return {
    ...later,
    series: earlier.series,
    evaluations: [...earlier.evaluations, ...later.evaluations],
    anchors: [...earlier.anchors, ...later.anchors],
    written: [...earlier.written, ...later.written],
  };
}

/**
 * @param send resolves when the page has the message
 * @param interval ms between changes at least; asked anew each time
 */
export function createRelay(
  observe: Observe,
  send: (message: Relayed) => PromiseLike<unknown>,
  interval: () => number,
): Relay {
  let state: 'stopped' | 'waiting' | 'live' | 'ended' = 'stopped';
  let observation: Disposable | null = null;
  let pending: RunViewChange | null = null;
  let timer: ReturnType<typeof setTimeout> | undefined;
  /** Messages of earlier rounds that are still on their way hold nothing up. */
  let round = 0;
  let sending = false;
  let sentAt = -Infinity;

  function stop(): void {
    round += 1;
    state = 'stopped';
    sending = false;
    pending = null;
    clearTimeout(timer);
    timer = undefined;
    observation?.dispose();
    observation = null;
  }
  async function pass(message: Relayed): Promise<void> {
    const mine = round;
    sending = true;
    sentAt = performance.now();
    // A page that has gone takes nothing; it says when it is back.
    await Promise.resolve(send(message)).catch(() => undefined);
    if (mine !== round) return;
    sending = false;
    schedule();
  }
  function schedule(): void {
    if (pending === null || sending || timer !== undefined) return;
    timer = setTimeout(
      () => {
        timer = undefined;
        const change = pending;
        pending = null;
        if (change !== null) void pass({ type: 'change', change });
      },
      Math.max(0, sentAt + interval() - performance.now()),
    );
  }
  const observerOf = (mine: number): Observer => ({
    onView(view) {
      if (mine !== round) return;
      state = 'live';
      pending = null;
      void pass({ type: 'view', view });
    },
    onChange(change) {
      if (mine !== round || state !== 'live') return;
      pending = pending === null ? change : mergeChanges(pending, change);
      schedule();
    },
    onProblem(problem) {
      if (mine !== round) return;
      state = 'ended';
      pending = null;
      void pass({ type: 'problem', problem: inEditor(problem) });
    },
  });
  return {
    start() {
      if (state === 'waiting') return;
      stop();
      state = 'waiting';
      observation = observe(observerOf(round));
    },
    stop,
    get ended() {
      return state === 'ended';
    },
  };
}

/** The whole view of a run as it is now. @throws EngineError when the run cannot be read */
export function observeOnce(observe: Observe, signal: AbortSignal): Promise<RunView> {
  return new Promise((resolve, reject) => {
    let observation: Disposable | null = null;
    const end = (settle: () => void) => {
      signal.removeEventListener('abort', aborted);
      settle();
      // `observe` may not have returned yet.
      queueMicrotask(() => observation?.dispose());
    };
    const aborted = () => end(() => reject(new Error('Not wanted any more.')));
    if (signal.aborted) return reject(new Error('Not wanted any more.'));
    signal.addEventListener('abort', aborted, { once: true });
    observation = observe({
      onView: (view) => end(() => resolve(view)),
      onChange: () => {},
      onProblem: (problem) => end(() => reject(engineError(problem))),
    });
  });
}
