import type { NotificationName, NotificationOf, ParamsOf, RequestName, ResultOf } from '../../engine/protocol.ts';
import type { Engine } from './engine.ts';
import { createLifecycle } from './lifecycle.ts';
import { mannerOf } from './manner.ts';
import { defaultPolicy, type EnginePolicy } from './policy.ts';
import { engineError, problems } from './problems.ts';

/** How the engine's process is started. */
export interface EngineCommand {
  executable: string;
  argv: readonly string[];
  /** Set on top of the extension host's own environment; undefined removes a variable. */
  env: Readonly<Record<string, string | undefined>>;
  cwd: string;
  /** Where it runs, for people: `this machine`. */
  label: string;
}

/** Where lines of the engine's log go; `vscode.LogOutputChannel` is one. */
export interface LogSink {
  trace(message: string): void;
  info(message: string): void;
  warn(message: string): void;
  error(message: string): void;
}

export interface EngineOptions {
  /** Asked anew before every start, so that a change of settings takes effect then. */
  command(): Promise<EngineCommand>;
  log: LogSink;
  /** What the engine is told about its client. */
  client: { name: string; version: string };
  policy?: EnginePolicy;
}

export type CreateEngine = (options: EngineOptions) => Engine;

type Listener = (params: never) => void;

/**
 * The engine, stopped. Nothing of the protocol is loaded before the first start.
 *
 * A process that ends by itself, hangs or says what is not of the protocol is started again by `policy.restart`; requests
 * that were open then go on as `mannerOf` has it.
 */
export const createEngine: CreateEngine = (options) => {
  const policy = options.policy ?? defaultPolicy;
  const listeners = new Map<NotificationName, Set<Listener>>();

  function notify<Name extends NotificationName>(name: Name, params: NotificationOf<Name>): void {
    for (const listener of [...(listeners.get(name) ?? [])]) {
      try {
        (listener as (params: NotificationOf<Name>) => void)(params);
      } catch (error) {
        options.log.error(`a listener to ${name} failed: ${error instanceof Error ? error.stack : String(error)}`);
      }
    }
  }
  const lifecycle = createLifecycle({ ...options, policy, notify });

  async function request<Name extends RequestName>(
    name: Name,
    params: ParamsOf<Name>,
    signal?: AbortSignal,
  ): Promise<ResultOf<Name>> {
    const manner = mannerOf[name];
    if (manner === 'releases' && lifecycle.state.kind !== 'running') return {} as ResultOf<Name>;
    for (let times = 1; ; times++) {
      const session = await lifecycle.ready(signal);
      const answer = await session.request(name, params, signal);
      if (answer) return answer.result;
      if (manner === 'releases') return {} as ResultOf<Name>;
      if (manner === 'acts') throw engineError(problems.outcomeUnknown(name));
      if (lifecycle.isEnding()) throw engineError(problems.stopped());
      if (times === 2) throw engineError(problems.lost(name));
    }
  }
  return {
    get state() {
      return lifecycle.state;
    },
    onState: lifecycle.onState,
    start: lifecycle.start,
    stop: lifecycle.stop,
    restart: lifecycle.restart,
    request,
    on(name, listener) {
      const all = listeners.get(name) ?? new Set();
      listeners.set(name, all.add(listener));
      return { dispose: () => void all.delete(listener) };
    },
    dispose: lifecycle.dispose,
  };
};
