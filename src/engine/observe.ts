import type { NotificationOf, Problem, ResultOf, RunGlance, RunView, RunViewChange } from '../../engine/protocol.ts';
import type { Disposable, Engine, EngineState } from './engine.ts';
import { problemOf } from './problems.ts';

/** Something that a process of the engine holds for us, and that the next process must be asked for anew. */
interface Kept<Answer> {
  open(): Promise<Answer>;
  opened(answer: Answer): void;
  /** Gives it back to the process that still holds it. */
  close(answer: Answer): Promise<unknown>;
  /** The engine is not there; `opened` comes when it is there again. */
  waiting(state: EngineState): void;
  /** The engine does not want to. */
  refused(problem: Problem): void;
}

/**
 * Opens it, and opens it again at each new process of the engine. Starts the engine at first, but never again: who stops
 * it has a reason.
 */
function keepOpen<Answer>(engine: Engine, kept: Kept<Answer>): Disposable {
  /** What tells processes apart: the hello of the one that holds it. */
  let holder: ResultOf<'engine/hello'> | null = null;
  let answer: Answer | null = null;
  let opening = false;
  let over = false;

  const running = () => (engine.state.kind === 'running' ? engine.state.hello : null);
  const release = (held: Answer) => void kept.close(held).catch(() => {});

  async function open(): Promise<void> {
    opening = true;
    try {
      const opened = await kept.open();
      if (over) return release(opened);
      holder = running();
      // Null when that process has ended already; the next one is on its way.
      if (holder === null) return;
      answer = opened;
      kept.opened(opened);
    } catch (error) {
      const problem = problemOf(error);
      if (over || running() === null) return;
      if (problem.code === 'engine/lost') return void setImmediate(look);
      holder = running();
      kept.refused(problem);
    } finally {
      opening = false;
    }
  }
  function look(): void {
    const hello = running();
    if (!over && !opening && hello !== null && hello !== holder) void open();
  }
  const watch = engine.onState((state) => {
    if (state.kind === 'running') return look();
    holder = null;
    answer = null;
    kept.waiting(state);
  });
  if (engine.state.kind !== 'running') kept.waiting(engine.state);
  void open();
  return {
    dispose() {
      over = true;
      watch.dispose();
      if (answer !== null && holder !== null && holder === running()) release(answer);
      answer = null;
    },
  };
}

/** What comes of the observation of a run. */
export interface RunSink {
  /** All of it: at first, and when what was shown before is void. */
  view(view: RunView): void;
  /** What came since the view or the change before. */
  change(change: RunViewChange): void;
  /** The run cannot be read; nothing more comes before the engine is started anew. */
  unobservable(problem: Problem): void;
  /** The engine is not there, so what was shown may be old. Ends with the next `view` or `unobservable`. */
  waiting(state: EngineState): void;
}

type Told =
  | ({ kind: 'view' } & NotificationOf<'run/view'>)
  | ({ kind: 'change' } & NotificationOf<'run/viewChanged'>)
  | ({ kind: 'unobservable' } & NotificationOf<'run/unobservable'>);

/**
 * Observes a run until it is disposed, over all restarts of the engine. What the engine tells is passed on in its order.
 * @param columns of the series, see `limits.columns`
 */
export function observeRun(engine: Engine, run: string, columns: number, sink: RunSink): Disposable {
  let observation: number | null = null;
  /** What came before the answer that tells our number. */
  let early: Told[] | null = [];
  let over = false;

  function give(told: Told): void {
    if (over || told.observation !== observation) return;
    if (told.kind === 'view') return sink.view(told.view);
    if (told.kind === 'change') return sink.change(told.change);
    observation = null;
    sink.unobservable(told.problem);
  }
  const take = (told: Told) => void (early ? early.push(told) : give(told));
  const listeners = [
    engine.on('run/view', (params) => take({ kind: 'view', ...params })),
    engine.on('run/viewChanged', (params) => take({ kind: 'change', ...params })),
    engine.on('run/unobservable', (params) => take({ kind: 'unobservable', ...params })),
  ];
  const kept = keepOpen(engine, {
    open: () => engine.request('run/observe', { run, columns }),
    opened(answer) {
      observation = answer.observation;
      const before = early ?? [];
      early = null;
      before.forEach(give);
    },
    close: (answer) => engine.request('run/unobserve', answer),
    waiting(state) {
      // A new process numbers anew.
      observation = null;
      early = [];
      sink.waiting(state);
    },
    refused(problem) {
      early = null;
      sink.unobservable(problem);
    },
  });
  return {
    dispose() {
      over = true;
      early = null;
      kept.dispose();
      for (const listener of listeners) listener.dispose();
    },
  };
}

/** What comes of watching the runs. */
export interface RunsSink {
  /** All runs, newest first: at first, and at each new process of the engine. */
  runs(runs: readonly RunGlance[]): void;
  changed(changes: NotificationOf<'runs/changed'>): void;
  /** The runs cannot be listed. */
  refused(problem: Problem): void;
  /** The engine is not there, so what was shown may be old. Ends with the next `runs` or `refused`. */
  waiting(state: EngineState): void;
}

const watched = new WeakSet<Engine>();

/** Watches the runs until it is disposed, over all restarts of the engine. An engine has one watcher at a time. */
export function watchRuns(engine: Engine, sink: RunsSink): Disposable {
  if (watched.has(engine)) throw new Error('the runs of this engine are watched already');
  watched.add(engine);
  let early: NotificationOf<'runs/changed'>[] | null = [];
  let over = false;
  const listener = engine.on('runs/changed', (changes) => {
    if (early) early.push(changes);
    else if (!over) sink.changed(changes);
  });
  const kept = keepOpen(engine, {
    open: () => engine.request('runs/watch', {}),
    opened({ runs }) {
      const before = early ?? [];
      early = null;
      sink.runs(runs);
      for (const changes of before) if (!over) sink.changed(changes);
    },
    // The one of a watcher that came after us is the same one.
    close: async () => watched.has(engine) || engine.request('runs/unwatch', {}),
    waiting(state) {
      early = [];
      sink.waiting(state);
    },
    refused: (problem) => sink.refused(problem),
  });
  return {
    dispose() {
      over = true;
      watched.delete(engine);
      kept.dispose();
      listener.dispose();
    },
  };
}
