/** How the engine is asked to end, harder from step to step. `input` closes its standard input. */
export type EndingStep = 'input' | 'SIGINT' | 'SIGTERM' | 'SIGKILL';

/** Everything about the life of the engine's process that is a number. Times are in milliseconds. */
export interface EnginePolicy {
  /** It must have answered `engine/hello` by then. */
  readonly hello: number;
  readonly heartbeat: {
    /** Between pings, and between looks at whether the last one was answered. */
    readonly every: number;
    /** It hangs when it says nothing at all for so long while a ping is open. */
    readonly quiet: number;
    /** It hangs when a ping stays open for so long, whatever else it says. */
    readonly unanswered: number;
  };
  readonly restart: {
    /** The wait after the first failure; it grows by `factor` with each further one, up to `most`. */
    readonly first: number;
    readonly factor: number;
    readonly most: number;
    /** Restarts in a row; the failure after the last one is final. */
    readonly limit: number;
    /** After running so long, earlier failures are forgotten. */
    readonly healthyAfter: number;
  };
  /** What is done to end it, in this order, each step with the time that it has to work. */
  readonly ending: readonly { readonly by: EndingStep; readonly wait: number }[];
  /** Between the end of a process and the end of its output, whichever comes first. */
  readonly farewell: number;
  /** A request waits so long for an engine that is starting. */
  readonly patience: number;
  readonly messages: { readonly headerBytes: number; readonly bodyBytes: number };
  readonly log: {
    /** Characters of one line. */
    readonly line: number;
    /** Lines in one second; what is more is counted and left out. */
    readonly linesPerSecond: number;
  };
}

export const defaultPolicy: EnginePolicy = {
  hello: 30_000,
  heartbeat: { every: 5_000, quiet: 30_000, unanswered: 120_000 },
  restart: { first: 500, factor: 2.5, most: 30_000, limit: 5, healthyAfter: 60_000 },
  // An editor that closes gives its extensions about five seconds.
  ending: [
    { by: 'input', wait: 2_000 },
    { by: 'SIGINT', wait: 1_000 },
    { by: 'SIGTERM', wait: 1_000 },
    { by: 'SIGKILL', wait: 2_000 },
  ],
  farewell: 1_000,
  patience: 60_000,
  messages: { headerBytes: 4096, bodyBytes: 64 << 20 },
  log: { line: 2000, linesPerSecond: 200 },
};

/** Milliseconds before the restart that follows the n-th failure in a row, n from 1. */
export function restartDelay({ first, factor, most }: EnginePolicy['restart'], failures: number): number {
  return Math.min(most, first * factor ** (failures - 1));
}
