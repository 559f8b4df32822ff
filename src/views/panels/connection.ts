/** What people are told of the engine's state. */
import type { Disposable, Engine, EngineState } from '../../engine/engine.ts';

export interface Connection {
  state: 'connecting' | 'connected' | 'disconnected';
  /** Why it is disconnected and what happens next. */
  message: string | null;
}

const restart = 'Run “SAGE: Restart Engine” from the command palette.';

/** @param now ms since 1970 */
export function connectionOf(state: EngineState, now: number): Connection {
  switch (state.kind) {
    case 'running':
      return { state: 'connected', message: null };
    case 'starting':
      return { state: 'connecting', message: null };
    case 'stopping':
      return { state: 'disconnected', message: 'The engine is stopping. Trainers go on without it.' };
    case 'stopped':
      return { state: 'disconnected', message: `The engine is stopped. Trainers go on without it. ${restart}` };
    case 'backoff': {
      const seconds = Math.max(1, Math.ceil((state.until - now) / 1000));
      return {
        state: 'disconnected',
        message: `${state.problem.message} It is started again in ${seconds} s. Trainers go on without it.`,
      };
    }
    case 'crashed':
      return {
        state: 'disconnected',
        message: [state.problem.message, state.problem.remedy, restart].filter((part) => part !== '').join(' '),
      };
  }
}

/**
 * Tells the connection now and whenever it changes; while a restart is ahead, every second. Who follows it asks the engine for
 * something, which starts it: at first, stopped means that it is about to start.
 */
export function followConnection(engine: Engine, tell: (connection: Connection) => void): Disposable {
  let countdown: ReturnType<typeof setInterval> | undefined;
  const show = () => tell(connectionOf(engine.state, Date.now()));
  const changed = () => {
    clearInterval(countdown);
    countdown = engine.state.kind === 'backoff' ? setInterval(show, 1000) : undefined;
    show();
  };
  const subscription = engine.onState(changed);
  if (engine.state.kind === 'stopped') tell({ state: 'connecting', message: null });
  else changed();
  return {
    dispose() {
      clearInterval(countdown);
      subscription.dispose();
    },
  };
}
