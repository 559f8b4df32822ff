/** A request that steers a running trainer. */
export type ControlRequest = 'pause' | 'continue' | 'checkpoint' | 'stop';

/** Where control requests meet the training loop: they take effect between iterations. */
export interface Gate {
  request(request: ControlRequest): void;
  readonly paused: boolean;
  readonly stopping: boolean;
  /** Waits while the run is paused; says whether to go on. */
  beforeIteration(iteration: number): Promise<'go' | 'stop'>;
  /** True once for each "checkpoint now" that is still open. */
  takeCheckpointRequest(): boolean;
}

export interface GateHooks {
  /** The run really rests now, or goes on. */
  onPause(iteration: number): Promise<void>;
  onContinue(iteration: number): Promise<void>;
  /** "Checkpoint now" while the run rests. */
  onCheckpoint(iteration: number): Promise<void>;
}

/** Waits to be woken, and keeps the process alive meanwhile: neither a promise nor the control socket does. */
async function rest(sleep: (wake: () => void) => void): Promise<void> {
  const alive = setInterval(() => {}, 2 ** 30);
  await new Promise<void>(sleep);
  clearInterval(alive);
}

export function createGate(hooks: GateHooks): Gate {
  let paused = false;
  let stopping = false;
  let wanted = false;
  let wake: () => void = () => {};
  return {
    get paused() {
      return paused;
    },
    get stopping() {
      return stopping;
    },
    request(request) {
      if (request === 'pause') paused = true;
      else if (request === 'continue') paused = false;
      else if (request === 'checkpoint') wanted = true;
      else stopping = true;
      wake();
    },
    async beforeIteration(iteration) {
      const rested = paused && !stopping;
      if (rested) await hooks.onPause(iteration);
      while (paused && !stopping) {
        if (wanted) {
          wanted = false;
          await hooks.onCheckpoint(iteration);
          continue;
        }
        await rest((resolve) => (wake = resolve));
      }
      if (rested) await hooks.onContinue(iteration);
      return stopping ? 'stop' : 'go';
    },
    takeCheckpointRequest() {
      const open = wanted;
      wanted = false;
      return open;
    },
  };
}
