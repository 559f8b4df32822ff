/** The extension host's part towards webviews that show videos, for runs on disk. */
import { statSync } from 'node:fs';
import path from 'node:path';
import type { RunEvent, VideoEntry } from '../../engine/protocol.ts';
import { compareRuns } from '../../engine/run/compare.ts';
import { readEvents } from '../../engine/run/event-log.ts';
import { runPaths } from '../../engine/run/folder.ts';
import type { VideosAnswer } from '../../webview/media/videos.ts';
import type { Sent } from './page.ts';
import { observe } from './view-of.ts';

type Post = (message: unknown) => Promise<void>;
type VideosEvent = Extract<RunEvent, { kind: 'rollouts' | 'evaluation_videos' }>;
type Wanted = { kind: 'rollouts' | 'evaluation'; iteration: number };

/** The answer to `videos`. Sources are where `openWebview` serves the folder with the runs. */
export async function videosOf(runs: string, run: string, { kind, iteration }: Wanted): Promise<VideosAnswer> {
  const wanted = kind === 'rollouts' ? 'rollouts' : 'evaluation_videos';
  const events = await readEvents(runPaths(path.join(runs, run)).events);
  const found = events.find((event): event is VideosEvent => event.kind === wanted && event.iteration === iteration);
  if (!found) throw new Error(`The run wrote no ${kind} videos at iteration ${iteration}.`);
  const videos: VideoEntry[] = found.videos.map((video) => ({
    ...video,
    file: `${found.folder}/${video.file}`,
    poster: `${found.folder}/${video.poster}`,
  }));
  const at = (file: string) => `/files/${encodeURIComponent(run)}/${file}`;
  const sources = Object.fromEntries(videos.map(({ file, poster }) => [file, { video: at(file), poster: at(poster) }]));
  return { kind, iteration, videos, sources };
}

async function answerVideos(runs: string, run: string, message: Sent, post: Post): Promise<void> {
  try {
    await post({ type: 'answer', id: message.id, result: await videosOf(runs, run, message.params as Wanted) });
  } catch (error) {
    const problem = {
      code: 'videos/unknown',
      message: (error as Error).message,
      remedy: 'Choose another iteration.',
      place: {},
    };
    await post({ type: 'refusal', id: message.id, problem });
  }
}

/** Plays the host of a run's dashboard. */
export function dashboardHost(runs: string, run: string, autoplay = false) {
  return async (message: Sent, post: Post) => {
    if (message.type === 'ask') return answerVideos(runs, run, message, post);
    if (message.type !== 'ready') return;
    const { view, summary } = await observe(path.join(runs, run));
    await post({ type: 'setup', version: 1, run, autoplay, trusted: true });
    await post({ type: 'connection', state: 'connected', message: null });
    await post({ type: 'summary', summary });
    await post({ type: 'view', view });
  };
}

/** Plays the host of a comparison. */
export function compareHost(runs: string, ids: readonly string[], autoplay = false) {
  return async (message: Sent, post: Post) => {
    if (message.type === 'ask') return answerVideos(runs, (message.params as { run: string }).run, message, post);
    if (message.type !== 'ready') return;
    const views = await Promise.all(ids.map((id) => observe(path.join(runs, id))));
    const comparison = JSON.parse(JSON.stringify(await compareRuns(ids.map((id) => path.join(runs, id))))) as unknown;
    await post({ type: 'setup', version: 1, runs: ids, autoplay });
    await post({ type: 'connection', state: 'connected', message: null });
    const [series, written] = [views.map(({ view }) => view.series), views.map(({ view }) => view.written)];
    await post({ type: 'comparison', comparison, series, written });
  };
}

/** Plays the host of the editor of one video of a run. */
export function videoHost(
  runs: string,
  run: string,
  wanted: Wanted & { video: number; inside?: boolean; gone?: boolean },
) {
  return async (message: Sent, post: Post) => {
    if (message.type !== 'ready') return;
    const { kind, iteration, inside = true, gone = false } = wanted;
    const { videos, sources } = await videosOf(runs, run, wanted);
    const entry = videos[wanted.video];
    await post({
      ...{ type: 'setup', version: 1, autoplay: false, name: path.basename(entry.file) },
      source: gone ? '/files/gone.mp4' : sources[entry.file].video,
      poster: sources[entry.file].poster,
      bytes: statSync(path.join(runs, run, entry.file)).size,
      origin: inside ? { run, kind, iteration, entry } : null,
    });
  };
}
