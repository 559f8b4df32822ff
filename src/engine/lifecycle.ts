import type { NotificationName, NotificationOf, Problem } from '../../engine/protocol.ts';
import type { EngineOptions } from './create.ts';
import type { EngineState, Listenable } from './engine.ts';
import { restartDelay, type EnginePolicy } from './policy.ts';
import { engineError, problemOf, problems } from './problems.ts';
import type { Opened, Session } from './session.ts';

interface LifecycleOptions extends EngineOptions {
  policy: EnginePolicy;
  notify<Name extends NotificationName>(name: Name, params: NotificationOf<Name>): void;
}

/** The life of the engine's processes, of which there is at most one at a time. */
export interface Lifecycle {
  readonly state: EngineState;
  readonly onState: Listenable<EngineState>;
  start(): Promise<void>;
  stop(): Promise<void>;
  restart(): Promise<void>;
  /**
   * The session to ask, started where need be.
   * @throws EngineError when there is none: crashed, stopped meanwhile, cancelled, or not there in `policy.patience`
   */
  ready(signal?: AbortSignal): Promise<Session>;
  /** Whether someone has asked for its end, and not for another start. */
  isEnding(): boolean;
  dispose(): void;
}

/** A process and its successors, from a start to a stop or to the failure that is final. */
interface Life {
  readonly stop: AbortController;
  /** Ends the wait of a backoff. */
  hurry(): void;
  /** Resolves when no process is left. */
  readonly done: Promise<void>;
}

/** A state that others can listen to. */
function createStates(report: (text: string) => void) {
  let state: EngineState = { kind: 'stopped' };
  const listeners = new Set<(state: EngineState) => void>();
  return {
    get current() {
      return state;
    },
    set(next: EngineState): void {
      state = next;
      for (const listener of [...listeners]) {
        try {
          listener(next);
        } catch (error) {
          report(`a listener to the state failed: ${error instanceof Error ? error.stack : String(error)}`);
        }
      }
    },
    listen: ((listener) => {
      // Each call is a listener of its own, also of the same function.
      const own = (value: EngineState) => listener(value);
      listeners.add(own);
      return { dispose: () => void listeners.delete(own) };
    }) satisfies Listenable<EngineState>,
  };
}

type Attempt = Opened | { session: null; problem: Problem; final: true };

export function createLifecycle(options: LifecycleOptions): Lifecycle {
  const { policy, log, client, notify } = options;
  const states = createStates((text) => log.error(text));
  let session: Session | null = null;
  let life: Life | null = null;
  let stopping: Promise<void> | null = null;
  let restarting = 0;
  let disposed = false;

  async function attempt(signal: AbortSignal): Promise<Attempt> {
    const failed = (problem: Problem) => ({ session: null, problem, final: true }) as const;
    let command;
    try {
      command = await unlessAborted(options.command(), signal);
    } catch (error) {
      return failed(problems.noCommand(problemOf(error).message));
    }
    if (command === null || signal.aborted) return failed(problems.stopped());
    log.info(`starting on ${command.label}: ${[command.executable, ...command.argv].join(' ')}`);
    try {
      const { openSession } = await import('./session.ts');
      return await openSession({ command, client, policy, log, notify, signal });
    } catch (error) {
      return failed(problemOf(error));
    }
  }

  /** One process to its end; how it ended. */
  async function runOnce(signal: AbortSignal): Promise<{ problem: Problem; final: boolean; healthy: boolean }> {
    if (states.current.kind !== 'starting') states.set({ kind: 'starting' });
    const opened = await attempt(signal);
    if (!opened.session) return { problem: opened.problem, final: opened.final, healthy: false };
    session = opened.session;
    const close = () => void opened.session.close();
    signal.addEventListener('abort', close, { once: true });
    if (signal.aborted) close();
    else states.set({ kind: 'running', hello: session.hello });
    const since = performance.now();
    const problem = await session.ended;
    signal.removeEventListener('abort', close);
    session = null;
    return { problem, final: false, healthy: performance.now() - since >= policy.restart.healthyAfter };
  }

  function begin(): void {
    const stop = new AbortController();
    const pause = createPause(stop.signal);
    const live = async () => {
      let failures = 0;
      for (;;) {
        const { problem, final, healthy } = await runOnce(stop.signal);
        if (stop.signal.aborted) return;
        failures = healthy ? 1 : failures + 1;
        if (final) return crash(problem);
        if (failures > policy.restart.limit) return crash(problems.gaveUp(failures, problem));
        const delay = restartDelay(policy.restart, failures);
        log.warn(`${problem.message} Restart ${failures} of ${policy.restart.limit} in ${delay / 1000} s.`);
        states.set({ kind: 'backoff', attempt: failures, until: Date.now() + delay, problem });
        await pause.for(delay);
        if (stop.signal.aborted) return;
      }
    };
    life = { stop, hurry: pause.end, done: Promise.resolve().then(live) };
    states.set({ kind: 'starting' });
  }

  function crash(problem: Problem): void {
    log.error(`${problem.message} ${problem.remedy}`);
    life = null;
    states.set({ kind: 'crashed', problem });
  }

  /** The session, when there is one; null while it may still come. @throws EngineError when it will not */
  function look(): Session | null {
    const { current } = states;
    if (current.kind === 'crashed') throw engineError(current.problem);
    if (disposed || (restarting === 0 && ['stopping', 'stopped'].includes(current.kind)))
      throw engineError(problems.stopped());
    return current.kind === 'running' && session?.alive ? session : null;
  }

  /** Waits for the session that is starting. */
  function settled(signal?: AbortSignal, patience?: number): Promise<Session> {
    return new Promise((resolve, reject) => {
      let timer: NodeJS.Timeout | undefined;
      const watch = states.listen(() => check());
      const cancel = () => end(() => reject(engineError(problems.cancelled())));
      const end = (settle: () => void) => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', cancel);
        watch.dispose();
        settle();
      };
      const check = () => {
        try {
          const found = look();
          if (found) end(() => resolve(found));
        } catch (error) {
          end(() => reject(error));
        }
      };
      const giveUp = () => {
        const { current } = states;
        const problem = current.kind === 'backoff' ? current.problem : problems.notReady(patience! / 1000);
        end(() => reject(engineError(problem)));
      };
      if (patience !== undefined) timer = setTimeout(giveUp, patience);
      signal?.addEventListener('abort', cancel, { once: true });
      if (signal?.aborted) cancel();
      else check();
    });
  }

  async function wake(from: readonly EngineState['kind'][]): Promise<void> {
    while (stopping) await stopping;
    if (disposed) throw engineError(problems.stopped());
    if (from.includes(states.current.kind)) begin();
  }

  async function start(): Promise<void> {
    await wake(['stopped', 'crashed']);
    life?.hurry();
    await settled();
  }

  function stop(): Promise<void> {
    stopping ??= end().finally(() => (stopping = null));
    return stopping;
  }

  async function end(): Promise<void> {
    if (life) {
      states.set({ kind: 'stopping' });
      life.stop.abort();
      await life.done;
      life = null;
    }
    if (states.current.kind !== 'stopped') states.set({ kind: 'stopped' });
  }

  return {
    get state() {
      return states.current;
    },
    onState: states.listen,
    start,
    stop,
    async restart() {
      restarting += 1;
      try {
        await stop();
        await wake(['stopped']);
      } finally {
        restarting -= 1;
      }
      await settled();
    },
    async ready(signal) {
      if (states.current.kind !== 'running') await wake(['stopped']);
      return settled(signal, policy.patience);
    },
    isEnding: () => disposed || (restarting === 0 && ['stopping', 'stopped'].includes(states.current.kind)),
    dispose() {
      disposed = true;
      void stop();
    },
  };
}

/** What comes of it, or null when the signal is first. */
function unlessAborted<T>(what: Promise<T>, signal: AbortSignal): Promise<T | null> {
  return new Promise((resolve, reject) => {
    const stop = () => resolve(null);
    if (signal.aborted) stop();
    signal.addEventListener('abort', stop, { once: true });
    void what.then(resolve, reject).finally(() => signal.removeEventListener('abort', stop));
  });
}

/** A wait that can be cut short. */
function createPause(signal: AbortSignal) {
  let end = () => {};
  signal.addEventListener('abort', () => end(), { once: true });
  return {
    for: (milliseconds: number) =>
      new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, milliseconds);
        end = () => {
          clearTimeout(timer);
          resolve();
        };
      }),
    end: () => end(),
  };
}
