import type { Disposable, Engine, EngineState } from './engine.ts';
import type { NotificationName, NotificationOf } from '../../engine/protocol.ts';

type Listener = (engine: Engine) => Disposable;

/** An engine whose code is loaded when it is first asked for something. Until then it is stopped. */
export function lateEngine(load: () => Promise<Engine>): Engine {
  const stopped: EngineState = { kind: 'stopped' };
  const waiting = new Map<Listener, Disposable | null>();
  let engine: Engine | null = null;
  let loading: Promise<Engine> | null = null;
  let disposed = false;

  async function loaded(): Promise<Engine> {
    const found = await load();
    if (disposed) found.dispose();
    engine = found;
    for (const listen of waiting.keys()) waiting.set(listen, listen(found));
    return found;
  }
  /** One load for all who ask at once; who asks after a failed one tries again. */
  const get = () => {
    loading ??= loaded().catch((error: unknown) => {
      loading = null;
      throw error;
    });
    return loading;
  };
  function listening(listen: Listener): Disposable {
    waiting.set(listen, engine && listen(engine));
    return {
      dispose() {
        waiting.get(listen)?.dispose();
        waiting.delete(listen);
      },
    };
  }
  return {
    get state() {
      return engine?.state ?? stopped;
    },
    onState: (listener) => listening((late) => late.onState(listener)),
    start: async () => (await get()).start(),
    stop: async () => engine?.stop(),
    restart: async () => (await get()).restart(),
    request: async (name, params, signal) => (await get()).request(name, params, signal),
    on: <Name extends NotificationName>(name: Name, listener: (params: NotificationOf<Name>) => void) =>
      listening((late) => late.on(name, listener)),
    dispose() {
      disposed = true;
      engine?.dispose();
    },
  };
}
