/** One comparison's side of the conversation. Knows nothing of windows: the page is handed in. */
import {
  compareQuestions,
  compareVersion,
  fromCompare,
  type FromCompare,
  type ToCompare,
} from '../../../webview/contract/compare.ts';
import type { IterationVideos, RunSummary, RunView } from '../../../engine/protocol.ts';
import type { LogSink } from '../../engine/create.ts';
import type { Disposable, Engine } from '../../engine/engine.ts';
import { pageProblem } from '../../engine/problems.ts';
import type { Runs } from '../../studio.ts';
import { followConnection } from './connection.ts';
import type { Sources } from './dashboard-session.ts';
import { checkedMessages, oneAtATime } from './messages.ts';
import { questioning } from './questions.ts';
import { observeOnce, type Observe } from './relay.ts';

type Of<Type extends FromCompare['type']> = Extract<FromCompare, { type: Type }>;

/** The panel that a comparison is shown in. */
export interface ComparePage {
  send(message: ToCompare): PromiseLike<unknown>;
  settings(): { autoplay: boolean };
  /** What the runs are called, and where they lie: the page may load their videos from there. */
  found(runs: readonly RunSummary[]): void;
  sources(folder: string, videos: IterationVideos['videos']): Promise<Sources>;
  openDashboard(run: string): PromiseLike<void>;
  copy(message: Of<'copy'>): PromiseLike<void>;
  save(message: Of<'save'>): PromiseLike<void>;
}

export interface CompareSession extends Disposable {
  receive(raw: unknown): void;
  hide(): void;
  setUp(): void;
}

interface Services {
  engine: Engine;
  runs: Runs;
  log: LogSink;
  observe(run: string): Observe;
}

/** Runs that go on change all the time; a comparison is made anew at most so often (ms). */
const refreshInterval = 2000;

export function createCompareSession(
  ids: readonly string[],
  { engine, runs, log, observe }: Services,
  page: ComparePage,
): CompareSession {
  let live = false;
  let connection: Disposable | null = null;
  /** By run, with the state of the log that it shows. */
  const views = new Map<string, RunView>();
  let stop = new AbortController();
  let refreshing = false;
  let again = false;
  let refreshedAt = -Infinity;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let shown: ReadonlyMap<string, RunSummary> | null = null;
  let failedAt = '';

  const send = (message: ToCompare): PromiseLike<unknown> => (live ? page.send(message) : Promise.resolve());
  const standing = () => JSON.stringify(ids.map((id) => [runs.get(id)?.lastSeq, runs.get(id)?.status]));
  /** Whether one of the runs is not as it was compared. Runs that are not known yet are as they were. */
  function isOld(): boolean {
    if (shown === null) return standing() !== failedAt;
    return ids.some((id) => {
      const now = runs.get(id);
      const then = shown?.get(id);
      return now === undefined ? runs.all !== null : now.lastSeq !== then?.lastSeq || now.status !== then.status;
    });
  }

  async function viewOf(run: string, lastSeq: number, signal: AbortSignal): Promise<RunView> {
    const known = views.get(run);
    if (known?.glance.lastSeq === lastSeq) return known;
    const view = await observeOnce(observe(run), signal);
    views.set(run, view);
    return view;
  }
  async function compare(signal: AbortSignal): Promise<void> {
    const comparison = await engine.request('runs/compare', { runs: [...ids] }, signal);
    page.found(comparison.runs);
    const found: RunView[] = [];
    for (const { id, lastSeq } of comparison.runs) found.push(await viewOf(id, lastSeq, signal));
    if (signal.aborted) return;
    shown = new Map(comparison.runs.map((run) => [run.id, run]));
    const series = found.map((view) => view.series);
    await send({ type: 'comparison', comparison, series, written: found.map((view) => view.written) });
  }
  async function refresh(): Promise<void> {
    timer = undefined;
    again = false;
    refreshing = true;
    refreshedAt = performance.now();
    const { signal } = stop;
    try {
      await compare(signal);
    } catch (error) {
      shown = null;
      failedAt = standing();
      if (!signal.aborted) void send({ type: 'problem', problem: pageProblem(error) });
    } finally {
      refreshing = false;
      if (signal.aborted) refreshedAt = -Infinity;
      if (again) wanted();
    }
  }
  function wanted(): void {
    if (!live || timer !== undefined) return;
    if (refreshing) again = true;
    else timer = setTimeout(() => void refresh(), Math.max(0, refreshedAt + refreshInterval - performance.now()));
  }

  const questions = questioning(
    compareQuestions,
    {
      videos: async ({ run, ...params }, signal) => {
        if (!ids.includes(run)) throw new Error(`${run} is not one of the runs that are compared.`);
        const found = await engine.request('run/videos', { run, ...params }, signal);
        const folder = shown?.get(run)?.folder ?? runs.get(run)?.folder;
        return { ...found, sources: folder === undefined ? {} : await page.sources(folder, found.videos) };
      },
    },
    (reply) => void send(reply),
  );

  function setUp(): void {
    void send({ type: 'setup', version: compareVersion, runs: [...ids], autoplay: page.settings().autoplay });
  }
  function begin(): void {
    live = true;
    setUp();
    connection?.dispose();
    connection = followConnection(engine, (state) => void send({ type: 'connection', ...state }));
    // A page that has lost everything gets everything now, and not only when a run goes on.
    if (timer === undefined && !refreshing) refreshedAt = -Infinity;
    wanted();
  }
  function hide(): void {
    live = false;
    connection?.dispose();
    connection = null;
    clearTimeout(timer);
    timer = undefined;
    stop.abort();
    stop = new AbortController();
    questions.forget();
  }
  const opening = oneAtATime((message: Of<'openDashboard'>) => page.openDashboard(message.run));
  const saving = oneAtATime((message: Of<'save'>) => page.save(message));
  const copying = oneAtATime((message: Of<'copy'>) => page.copy(message));
  const subscriptions = [
    runs.onChange(() => {
      if (isOld()) wanted();
    }),
    // What was asked of an engine that is gone gets no answer.
    engine.onState(({ kind }) => {
      if (kind === 'running') wanted();
    }),
  ];

  return {
    receive: checkedMessages<FromCompare>(
      fromCompare,
      (message) => {
        if (message.type === 'ready') return begin();
        if (!live) return;
        switch (message.type) {
          case 'openDashboard':
            return ids.includes(message.run) ? opening(message) : undefined;
          case 'ask':
            return questions.ask({ ...message, params: message.params });
          case 'copy':
            return copying(message);
          case 'save':
            return saving(message);
        }
      },
      { log, from: 'Comparison' },
    ),
    hide,
    setUp,
    dispose() {
      hide();
      for (const subscription of subscriptions) subscription.dispose();
    },
  };
}
