import path from 'node:path';
import { SageError } from '../errors.ts';
import type { CheckpointInfo, NotificationOf, RunGlance } from '../protocol.ts';
import { listCheckpoints, shownCheckpoints } from '../run/checkpoint.ts';
import { readRun, runPaths } from '../run/folder.ts';
import { glanceAt, recordVersion } from '../run/glance.ts';
import { createAccumulator, type Accumulator, type LogIndex } from '../view/accumulator.ts';
import { followSteadily } from './follow.ts';
import { requireRun } from './sleep.ts';

/** Milliseconds after which a run that is going on is looked at again, whatever its log does. */
const looks = { glance: 500, checkpoints: 3000 };

type View = NotificationOf<'run/view'>['view'];
/** What to tell: the whole, what changed, or nothing. */
export type Tidings = { view: View } | { change: View };
type Current = Pick<View, 'glance' | 'checkpoints' | 'health' | 'videosPerSecond' | 'secondsLeft'>;

/** One run as it is seen by one observer. */
export interface Observation {
  /** Reads the next part of the log, about 1 MiB at most; false at its end. */
  read(): Promise<boolean>;
  /** What there is to tell since the last time; null when nothing has changed. */
  tidings(): Promise<Tidings | null>;
  /** Whether the whole has been told, so that what comes next is a change. */
  isTold(): boolean;
  /** What is known of where things are in the log; null before anything is. */
  index(): LogIndex | null;
}

/** What has come since the last look. */
interface News {
  events: boolean;
  checkpoint: boolean;
}

const noNews: News = { events: false, checkpoint: false };

const isGoingOn = (glance: RunGlance | null) => glance?.status === 'running' || glance?.status === 'paused';

/** What else than its events is seen of a run, looked at no more often than it can have changed. */
function createLooks(runFolder: string) {
  const id = path.basename(runFolder);
  let glance: RunGlance | null = null;
  let version = '';
  let glanced = -Infinity;
  /** Whether the log has grown since. */
  let isBehind = false;
  let checkpoints: CheckpointInfo[] = [];
  let listed = -Infinity;

  async function lookAtRun(news: News): Promise<boolean> {
    const now = performance.now();
    const found = recordVersion(runFolder);
    isBehind ||= news.events;
    const isDue = found !== version || (now - glanced >= looks.glance && (isGoingOn(glance) || isBehind));
    if (!isDue) return false;
    const before = glance?.status;
    glance = await glanceAt(runFolder, id);
    [version, glanced, isBehind] = [found, now, false];
    return glance?.status !== before;
  }

  async function lookAtCheckpoints(isOtherStatus: boolean, news: News): Promise<void> {
    const now = performance.now();
    const isOld = isGoingOn(glance) && now - listed >= looks.checkpoints;
    if (!isOld && !isOtherStatus && !news.checkpoint) return;
    checkpoints = await listCheckpoints(runFolder, { newest: shownCheckpoints });
    listed = now;
  }

  return {
    async look(news: News): Promise<{ glance: RunGlance; checkpoints: CheckpointInfo[] }> {
      const isOtherStatus = await lookAtRun(news);
      await lookAtCheckpoints(isOtherStatus, news);
      if (glance) return { glance, checkpoints };
      await requireRun(runFolder);
      throw new SageError('run/broken', `${runFolder} is not a run any more.`, 'Check the folder.', {
        place: { file: runPaths(runFolder).run },
      });
    },
  };
}

/**
 * Begins to observe a run. Its methods throw what makes it unreadable: `run/unknown`, `run/broken`, `events/corrupt`, or a
 * disk error.
 * @param columns as in `run/observe`
 */
export function createObservation(runFolder: string, columns: number): Observation {
  const follower = followSteadily(runPaths(runFolder).events, { validate: 'light' });
  const around = createLooks(runFolder);
  let accumulator: Accumulator | null = null;
  let news = noNews;
  let isTold = false;
  let told = '';

  async function begin(): Promise<Accumulator> {
    isTold = false;
    return createAccumulator((await readRun(runFolder)).config, columns);
  }

  async function current(from: Accumulator): Promise<Current> {
    const { glance: seen, checkpoints } = await around.look(news);
    const glance = from.glance(seen);
    return {
      glance,
      checkpoints,
      health: from.health(glance.status),
      videosPerSecond: from.videosPerSecond(),
      secondsLeft: from.secondsLeft(glance),
    };
  }

  async function read(): Promise<boolean> {
    const batch = await follower.next();
    if (batch.restarted || !accumulator) accumulator = await begin();
    if (batch.events.length === 0) return false;
    accumulator.take(batch);
    const checkpoint = news.checkpoint || batch.events.some(({ kind }) => kind === 'checkpoint');
    news = { events: true, checkpoint };
    return true;
  }

  async function tidings(): Promise<Tidings | null> {
    accumulator ??= await begin();
    const now = await current(accumulator);
    const text = JSON.stringify(now);
    if (isTold && !news.events && text === told) return null;
    news = noNews;
    told = text;
    if (isTold) return { change: { ...now, ...accumulator.added() } };
    isTold = true;
    return { view: { ...now, ...accumulator.whole() } };
  }
  return { read, tidings, isTold: () => isTold, index: () => accumulator };
}
