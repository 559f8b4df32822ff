/** One dashboard's side of the conversation. Knows nothing of windows: the page is handed in. */
import {
  dashboardQuestions,
  dashboardVersion,
  fromDashboard,
  type FromDashboard,
  type ToDashboard,
} from '../../../webview/contract/dashboard.ts';
import type { IterationVideos, RunGlance, RunSummary } from '../../../engine/protocol.ts';
import type { LogSink } from '../../engine/create.ts';
import type { Disposable, Engine } from '../../engine/engine.ts';
import type { Runs } from '../../studio.ts';
import { createActions, type DashboardAction } from './actions.ts';
import { followConnection } from './connection.ts';
import { checkedMessages, oneAtATime } from './messages.ts';
import { questioning } from './questions.ts';
import { createRelay, type Observe } from './relay.ts';

export type Sources = Record<string, { video: string; poster: string }>;
type Of<Type extends FromDashboard['type']> = Extract<FromDashboard, { type: Type }>;

/** The panel that a dashboard is shown in. */
export interface DashboardPage {
  /** Resolves when the page has it. */
  send(message: ToDashboard): PromiseLike<unknown>;
  settings(): { autoplay: boolean; trusted: boolean; refreshRate: number };
  /** Where the run lies is known; the page may load its videos from there. */
  located(folder: string): void;
  /** What the run is called and how it stands. */
  shown(glance: RunGlance): void;
  /** What a <video> and an <img> take, by `file`, of those videos that are on disk. */
  sources(folder: string, videos: IterationVideos['videos']): Promise<Sources>;
  carryOut(action: DashboardAction, iteration?: number): PromiseLike<void>;
  /** Something that a person asked for could not be done. */
  failed(what: string, error: unknown): void;
  copy(message: Of<'copy'>): PromiseLike<void>;
  save(message: Of<'save'>): PromiseLike<void>;
  openVideo(folder: string, file: string): PromiseLike<void>;
}

export interface DashboardSession extends Disposable {
  /** Whatever came from the page. */
  receive(raw: unknown): void;
  /** The page is hidden, which ends it; it says `ready` when it is back. */
  hide(): void;
  /** Settings or trust have changed. */
  setUp(): void;
  /** Turns to the rollouts of an iteration, now or when the page is there. */
  show(iteration: number): void;
}

interface Services {
  engine: Engine;
  runs: Runs;
  log: LogSink;
  observe: Observe;
}

export function createDashboardSession(
  run: string,
  { engine, runs, log, observe }: Services,
  page: DashboardPage,
): DashboardSession {
  let live = false;
  let connection: Disposable | null = null;
  let summary: RunSummary | null = null;
  let inspecting = false;
  let glance: RunGlance | null = null;
  let knownAtEnd: RunGlance | undefined;
  /** The iteration whose rollouts the page is to turn to. */
  let wanted: number | null = null;

  const send = (message: ToDashboard): PromiseLike<unknown> => (live ? page.send(message) : Promise.resolve());
  const interval = () => 1000 / Math.min(10, Math.max(0.1, page.settings().refreshRate));
  const relay = createRelay(
    observe,
    (message) => {
      if (message.type === 'problem') knownAtEnd = runs.get(run);
      else note(message.type === 'view' ? message.view.glance : message.change.glance, message.type === 'view');
      return send(message);
    },
    interval,
  );
  const actions = createActions(
    (action, iteration) => page.carryOut(action, iteration),
    (action) => void send({ type: 'busy', action }),
    (action, error) => page.failed(action, error),
  );
  const questions = questioning(
    dashboardQuestions,
    {
      series: (params, signal) => engine.request('run/series', { run, ...params }, signal),
      videos: async (params, signal) => {
        const found = await engine.request('run/videos', { run, ...params }, signal);
        const folder = await locate();
        return { ...found, sources: await page.sources(folder, found.videos) };
      },
    },
    (reply) => void send(reply),
  );

  function setUp(): void {
    const { autoplay, trusted } = page.settings();
    void send({ type: 'setup', version: dashboardVersion, run, autoplay, trusted });
  }
  /** Asks for config and provenance; where that fails, the next whole view tries again. */
  async function inspect(): Promise<void> {
    if (inspecting) return;
    inspecting = true;
    try {
      summary = await engine.request('run/inspect', { run });
      page.located(summary.folder);
      void send({ type: 'summary', summary });
    } catch (error) {
      log.info(`${run} cannot be inspected: ${error instanceof Error ? error.message : String(error)}`);
    } finally {
      inspecting = false;
    }
  }
  /** A resume, which brings other provenance, shows in the log's length or in the status. */
  function note(now: RunGlance, whole: boolean): void {
    const changed = glance !== null && glance.status !== now.status;
    glance = now;
    page.shown(now);
    if (changed || (whole && summary?.lastSeq !== now.lastSeq)) void inspect();
  }
  async function locate(): Promise<string> {
    return summary?.folder ?? runs.get(run)?.folder ?? (await engine.request('run/inspect', { run })).folder;
  }
  function begin(): void {
    live = true;
    setUp();
    connection?.dispose();
    connection = followConnection(engine, (state) => void send({ type: 'connection', ...state }));
    void send({ type: 'busy', action: actions.busy });
    if (summary === null) void inspect();
    else void send({ type: 'summary', summary });
    relay.start();
    turn();
  }
  function turn(): void {
    if (!live || wanted === null) return;
    void send({ type: 'show', kind: 'rollouts', iteration: wanted });
    wanted = null;
  }
  function hide(): void {
    live = false;
    connection?.dispose();
    connection = null;
    questions.forget();
    relay.stop();
  }
  async function openVideo({ kind, iteration, file }: Of<'openVideo'>): Promise<void> {
    try {
      const { videos } = await engine.request('run/videos', { run, kind, iteration });
      // The page names what the log has; it cannot make up a path.
      if (videos.some((video) => video.file === file)) return await page.openVideo(await locate(), file);
      throw new Error(`The run has no video ${file} at iteration ${iteration} any more.`);
    } catch (error) {
      page.failed('open video', error);
    }
  }
  const opening = oneAtATime(openVideo);
  const saving = oneAtATime((message: Of<'save'>) => page.save(message));
  const copying = oneAtATime((message: Of<'copy'>) => page.copy(message));

  /** A run that could not be read and has changed since may be readable now. */
  const runsChange = runs.onChange(() => {
    const now = runs.get(run);
    if (live && relay.ended && now !== undefined && now !== knownAtEnd) relay.start();
  });

  return {
    receive: checkedMessages<FromDashboard>(
      fromDashboard,
      (message) => {
        if (message.type === 'ready') return begin();
        if (!live) return;
        switch (message.type) {
          case 'action':
            return actions.act(message.action, message.iteration);
          case 'ask':
            return questions.ask({ ...message, params: message.params });
          case 'copy':
            return copying(message);
          case 'save':
            return saving(message);
          case 'openVideo':
            return opening(message);
        }
      },
      { log, from: 'Dashboard' },
    ),
    hide,
    setUp,
    show(iteration) {
      wanted = iteration;
      turn();
    },
    dispose() {
      hide();
      runsChange.dispose();
    },
  };
}
