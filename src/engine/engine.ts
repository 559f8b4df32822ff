import type {
  NotificationName,
  NotificationOf,
  ParamsOf,
  Problem,
  RequestName,
  ResultOf,
} from '../../engine/protocol.ts';

export interface Disposable {
  dispose(): void;
}

/** Calls the listener with everything that comes, until it is disposed. The same shape as `vscode.Event`. */
export type Listenable<T> = (listener: (value: T) => void) => Disposable;

/** Where the background engine process stands. */
export type EngineState =
  | { kind: 'stopped' }
  | { kind: 'starting' }
  | { kind: 'running'; hello: ResultOf<'engine/hello'> }
  | { kind: 'stopping' }
  /** It ended unexpectedly and is started again at `until` (ms since 1970). */
  | { kind: 'backoff'; attempt: number; until: number; problem: Problem }
  /** It ended too often, or cannot run at all; only a person can start it again. */
  | { kind: 'crashed'; problem: Problem };

/** An error with what to do about it: what the engine refused, or why it could not be asked. */
export interface EngineError extends Error {
  readonly problem: Problem;
}

/** The engine as the rest of the extension sees it. It lives as long as the extension; its process comes and goes. */
export interface Engine extends Disposable {
  readonly state: EngineState;
  readonly onState: Listenable<EngineState>;
  /** Starts the process, unless it runs or starts. @throws EngineError when it cannot run */
  start(): Promise<void>;
  /** Asks it to end, then makes it. Trainers go on. */
  stop(): Promise<void>;
  /** Stops and starts it, also from `crashed`. */
  restart(): Promise<void>;
  /**
   * Asks the engine, starting it where need be. Results are checked against the protocol.
   * @throws EngineError
   */
  request<Name extends RequestName>(name: Name, params: ParamsOf<Name>, signal?: AbortSignal): Promise<ResultOf<Name>>;
  /** Notifications; they are checked against the protocol. A new process knows no subscriptions: see `onState`. */
  on<Name extends NotificationName>(name: Name, listener: (params: NotificationOf<Name>) => void): Disposable;
}
