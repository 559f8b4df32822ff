/** Which run a video file belongs to. */
import { realpath, stat } from 'node:fs/promises';
import path from 'node:path';
import type { VideoEntry } from '../../../engine/protocol.ts';
import { runId } from '../../../engine/protocol.ts';
import type { Engine } from '../../engine/engine.ts';

export interface VideoPlace {
  /** Real path of the run folder. */
  folder: string;
  kind: 'rollouts' | 'evaluation';
  iteration: number;
  /** As the run's log names it. */
  file: string;
}

export interface VideoOrigin {
  run: string;
  kind: 'rollouts' | 'evaluation';
  iteration: number;
  entry: VideoEntry;
}

const kinds: Record<string, VideoPlace['kind']> = { rollouts: 'rollouts', evaluations: 'evaluation' };

/** Where in a run a video lies: RUN/rollouts/000012/NAME.mp4, with run.json in RUN. Null when it lies elsewhere. */
export async function placeOf(file: string): Promise<VideoPlace | null> {
  try {
    const real = await realpath(file);
    const [part, iteration, name] = real.split(path.sep).slice(-3);
    if (!Object.hasOwn(kinds, part) || !/^\d{1,9}$/.test(iteration)) return null;
    const folder = path.resolve(real, '../../..');
    if (!(await stat(path.join(folder, 'run.json'))).isFile()) return null;
    return { folder, kind: kinds[part], iteration: Number(iteration), file: `${part}/${iteration}/${name}` };
  } catch {
    // Gone, or no run: then it is a video like any other.
    return null;
  }
}

/** What the engine knows of a video; null when it is not of a run in the engine's folder. @throws EngineError */
export async function originOf(file: string, engine: Engine, signal: AbortSignal): Promise<VideoOrigin | null> {
  const place = await placeOf(file);
  if (place === null) return null;
  await engine.start();
  if (engine.state.kind !== 'running') return null;
  const runs = await realpath(engine.state.hello.runs.folder).catch(() => null);
  if (path.dirname(place.folder) !== runs) return null;
  const id = runId.safeParse(path.basename(place.folder));
  if (!id.success) return null;
  const { kind, iteration } = place;
  const { videos } = await engine.request('run/videos', { run: id.data, kind, iteration }, signal);
  const entry = videos.find((video) => video.file === place.file);
  return entry === undefined ? null : { run: id.data, kind, iteration, entry };
}
