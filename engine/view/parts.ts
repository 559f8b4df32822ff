import { SageError } from '../errors.ts';
import { emptySeries, eventFault, type IterationVideos, type RunEvent, type Series } from '../protocol.ts';
import { readLines, startCursor } from '../run/event-lines.ts';
import { eventBatches } from '../run/event-log.ts';
import { diskError, runPaths } from '../run/folder.ts';
import { openRegular } from '../run/regular.ts';
import { accumulate, type LogIndex } from './accumulator.ts';
import { roundedSeries } from './rounding.ts';

/** Where an observation knows the log of a run, what it knows; else null. It may be of a log that was replaced since. */
export type KnownLog = LogIndex | null;

const isMissing = (error: unknown) => error instanceof SageError && error.code === 'file/missing';
const isCorrupt = (error: unknown) => error instanceof SageError && error.code === 'events/corrupt';

/** Some iterations, in about so many columns. */
export interface Window {
  first: number;
  last: number;
  columns: number;
}

async function seriesFrom(file: string, window: Window, from: ReturnType<LogIndex['placeBefore']>): Promise<Series> {
  const series = emptySeries();
  for await (const events of eventBatches(file, { validate: 'light', from }))
    for (const event of events) {
      if (event.kind !== 'iteration' || event.iteration <= (series.last.at(-1) ?? -1)) continue;
      if (event.iteration > window.last) return series;
      if (event.iteration >= window.first) accumulate(series, event, window.columns);
    }
  return series;
}

/**
 * The series of some iterations of a run. Where none of them was done, it has no columns.
 * @throws SageError `events/corrupt` or a disk error
 */
export async function readSeries(runFolder: string, window: Window, known: KnownLog): Promise<Series> {
  const file = runPaths(runFolder).events;
  const from = known?.placeBefore(window.first);
  try {
    try {
      return roundedSeries(await seriesFrom(file, window, from));
    } catch (error) {
      // The place was perhaps one of a log that has been replaced since.
      if (from === undefined || !isCorrupt(error)) throw error;
      return roundedSeries(await seriesFrom(file, window, undefined));
    }
  } catch (error) {
    // A run that has just begun has no log yet.
    if (isMissing(error)) return emptySeries();
    throw error;
  }
}

type Wanted = Pick<IterationVideos, 'kind' | 'iteration'>;
type VideosEvent = Extract<RunEvent, { kind: 'rollouts' | 'evaluation_videos' }>;

const eventKind = { rollouts: 'rollouts', evaluation: 'evaluation_videos' } as const;

/** The event if a line is the one that is wanted; null for any other. Fault where it is that one and damaged. */
function wantedEvent(line: string, { kind, iteration }: Wanted): VideosEvent | { fault: string } | null {
  let value: Partial<VideosEvent> | null;
  try {
    value = JSON.parse(line);
  } catch {
    return null;
  }
  if (value?.kind !== eventKind[kind] || value.iteration !== iteration) return null;
  const fault = eventFault(value);
  return fault === null ? (value as VideosEvent) : { fault };
}

/** Lines from a place on; of them only those that hold some text. */
async function* linesWith(file: string, text: string, offset: number): AsyncGenerator<string> {
  const cursor = { ...startCursor(file, {}), offset };
  const handle = await openRegular(file);
  try {
    for (let read = await readLines(handle, cursor); read; read = await readLines(handle, cursor)) {
      const { bytes } = read;
      for (let at = bytes.indexOf(text); at >= 0;) {
        const begin = at === 0 ? 0 : bytes.lastIndexOf(10, at - 1) + 1;
        const end = bytes.indexOf(10, at);
        yield bytes.toString('utf8', begin, end);
        at = bytes.indexOf(text, end);
      }
      cursor.offset += bytes.length;
    }
  } finally {
    await handle.close();
  }
}

/** The last event that tells of these videos. */
async function findEvent(file: string, wanted: Wanted, offset: number | undefined): Promise<VideosEvent | null> {
  const text = `${eventKind[wanted.kind]}"`;
  let found: ReturnType<typeof wantedEvent> = null;
  try {
    if (offset !== undefined) {
      for await (const line of linesWith(file, text, offset)) {
        found = wantedEvent(line, wanted);
        break;
      }
    }
    if (found === null) for await (const line of linesWith(file, text, 0)) found = wantedEvent(line, wanted) ?? found;
  } catch (error) {
    throw diskError(error, file, 'read the events');
  }
  if (found === null || !('fault' in found)) return found;
  throw new SageError(
    'events/corrupt',
    `The event of ${file} that tells of these videos is not valid: ${found.fault}.`,
    'Restore the file from a copy; the videos themselves lie in the run folder.',
    { place: { file } },
  );
}

/**
 * What is known of the videos that were written at an iteration. Of the log, only the lines that tell of videos are read.
 * @throws SageError `videos/unknown` when there are none, `events/corrupt`, or a disk error
 */
export async function readVideos(runFolder: string, wanted: Wanted, known: KnownLog): Promise<IterationVideos> {
  const { kind, iteration } = wanted;
  const file = runPaths(runFolder).events;
  const event = await findEvent(file, wanted, known?.videosAt(kind, iteration)).catch((error) => {
    if (isMissing(error)) return null;
    throw error;
  });
  if (event === null)
    throw new SageError(
      'videos/unknown',
      `No ${kind === 'rollouts' ? 'rollouts' : 'evaluation videos'} of iteration ${iteration} were written.`,
      'The config keys videos.every and evaluation.every say when videos are written.',
      { place: { file } },
    );
  const place = (name: string) => `${event.folder}/${name}`;
  const videos = event.videos.map((video) => ({ ...video, file: place(video.file), poster: place(video.poster) }));
  return { kind, iteration, videos };
}
