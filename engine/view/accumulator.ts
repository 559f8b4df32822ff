import { createHealth } from '../health/health.ts';
import {
  appendIteration,
  emptySeries,
  foldSeries,
  maximumComponents,
  type EvaluationSummary,
  type HealthFinding,
  type RunEvent,
  type RunGlance,
  type RunView,
  type Series,
  type WrittenVideos,
} from '../protocol.ts';
import type { Batch, Place } from '../run/event-log.ts';
import type { EventOf } from '../run/events.ts';
import { evaluationSummary } from '../run/inspect.ts';
import { createPace, rolloutsPerIteration } from './pace.ts';
import { rounded, roundedEvaluation, roundedOrNull, roundedSeries } from './rounding.ts';

type VideoKind = WrittenVideos['kind'];
/** What a view has of the events; the lists grow. */
type Growth = Pick<RunView, 'series' | 'evaluations' | 'anchors' | 'written'>;

/** Where things are in the log, to read a part of it without the rest. */
export interface LogIndex {
  /** The byte at which the line begins that tells of these videos; undefined where none is known. */
  videosAt(kind: VideoKind, iteration: number): number | undefined;
  /** A place before the first event of an iteration, not far before it; undefined: the start of the log. */
  placeBefore(iteration: number): Place | undefined;
}

/** What the events of a run add up to in a view. Its memory is bounded by the columns, but for the lists that grow. */
export interface Accumulator extends LogIndex {
  take(batch: Pick<Batch, 'events' | 'offsets' | 'place'>): void;
  /** All of it; what comes after is in `added`. */
  whole(): Growth;
  /** What came since the last call of `whole` or `added`. */
  added(): Growth;
  /** A glance that is no newer than the events that were taken. */
  glance(now: RunGlance): RunGlance;
  health(status: RunGlance['status']): HealthFinding[];
  videosPerSecond(): number | null;
  /** Seconds until the run ends if it goes on as it does; null when it does not run. */
  secondsLeft(glance: RunGlance): number | null;
}

function emptyGrowth(): Growth {
  return { series: emptySeries(), evaluations: [], anchors: [], written: [] };
}

/** Appends an iteration and keeps the columns below twice of those wanted. */
export function accumulate(series: Series, event: EventOf<'iteration'>, columns: number): void {
  appendIteration(series, event);
  if (series.first.length > 2 * columns) foldSeries(series, columns);
}

/** A copy that is not touched any more, as it is sent. */
function sent({ series, evaluations, anchors, written }: Growth): Growth {
  return { series: roundedSeries(series), evaluations: [...evaluations], anchors: [...anchors], written: [...written] };
}

/** Bytes of log between two places of the index, at least. */
const placesApart = 1 << 20;

const videosKey = (kind: VideoKind, iteration: number) => `${kind} ${iteration}`;
const videoKinds = { rollouts: 'rollouts', evaluation_videos: 'evaluation' } as const;

/**
 * @param config the resolved config of the run
 * @param columns as in `run/observe`
 */
export function createAccumulator(config: Record<string, unknown>, columns: number): Accumulator {
  const health = createHealth(config);
  const pace = createPace(rolloutsPerIteration(config));
  const all = emptyGrowth();
  const videoOffsets = new Map<string, number>();
  const places: { place: Place; after: number }[] = [];
  let fresh: Growth | null = null;
  let last: EventOf<'iteration'> | null = null;
  let lastSeq = 0;

  /** Adds to a list of the whole and of what is new. */
  function grow<Name extends 'evaluations' | 'anchors' | 'written'>(name: Name, value: Growth[Name][number]): void {
    for (const growth of [all, fresh]) (growth?.[name] as (typeof value)[] | undefined)?.push(value);
  }

  function takeIteration(event: EventOf<'iteration'>): void {
    // A log that the trainer wrote has none twice. Out of order they could not be folded.
    if (last !== null && event.iteration <= last.iteration) return;
    last = event;
    pace.add(event);
    accumulate(all.series, event, columns);
    if (fresh) accumulate(fresh.series, event, columns);
  }

  function takeVideos({ kind, iteration, videos }: EventOf<'rollouts' | 'evaluation_videos'>, offset: number): void {
    const written = { kind: videoKinds[kind], iteration, videos: videos.length };
    const key = videosKey(written.kind, iteration);
    if (!videoOffsets.has(key)) grow('written', written);
    videoOffsets.set(key, offset);
  }

  function takeEvent(event: RunEvent, offset: number): void {
    lastSeq = event.seq;
    health.add(event);
    if (event.kind === 'iteration') takeIteration(event);
    else if (event.kind === 'evaluation') grow('evaluations', shownEvaluation(event));
    else if (event.kind === 'anchor') grow('anchors', { iteration: event.iteration, updates: event.updates });
    else if (event.kind === 'rollouts' || event.kind === 'evaluation_videos') takeVideos(event, offset);
  }

  return {
    take({ events, offsets, place }) {
      const before = places.at(-1)?.place.offset ?? 0;
      if (place.offset >= before + placesApart) places.push({ place, after: last?.iteration ?? 0 });
      for (const [i, event] of events.entries()) takeEvent(event, offsets[i]);
    },
    whole() {
      fresh = emptyGrowth();
      return sent(all);
    },
    added() {
      const added = fresh ?? emptyGrowth();
      fresh = emptyGrowth();
      return sent(added);
    },
    glance: (now) => ({
      ...now,
      iterations: last?.iteration ?? 0,
      reward: last?.reward.mean ?? null,
      secondsPerIteration: last?.seconds.total ?? null,
      lastSeq,
    }),
    health: (status) => health.findings(status),
    videosPerSecond: () => roundedOrNull(pace.videosPerSecond()),
    secondsLeft({ status, iterations, iterationsPlanned }) {
      if (status !== 'running' || iterationsPlanned === null) return null;
      const seconds = pace.secondsFor(Math.max(0, iterationsPlanned - iterations));
      return seconds === null ? null : rounded(seconds);
    },
    videosAt: (kind, iteration) => videoOffsets.get(videosKey(kind, iteration)),
    placeBefore: (iteration) => places.findLast(({ after }) => after < iteration)?.place,
  };
}

function shownEvaluation(event: EventOf<'evaluation'>): EvaluationSummary {
  return roundedEvaluation(evaluationSummary(event), maximumComponents);
}
