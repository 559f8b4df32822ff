/** Which files of a run a webview may load. Webviews name iterations and videos; the paths come from the run's log, and anyone may have written that. */
import { realpath, stat } from 'node:fs/promises';
import path from 'node:path';

/** Folders of a run that hold videos; nothing else of a run is ever given to a webview. */
export const videoFolders = ['rollouts', 'evaluations'] as const;

export interface VideoFiles {
  /** Real paths. */
  video: string;
  /** Null while it is not on disk. */
  poster: string | null;
}

/** The part of a run folder's real path that webviews may load from. Empty when the folder is not there. */
export async function mediaRoots(runFolder: string): Promise<string[]> {
  const root = await realOrNull(runFolder);
  return root === null ? [] : videoFolders.map((name) => path.join(root, name));
}

/**
 * The real path of a video or poster of a run.
 * @param runFolder absolute path of the run folder
 * @param relative as the run's log has it: relative to the run folder, with `/`
 * @param extension `.mp4` or `.png`; the real file must have it too
 * @returns null unless it is a file that lies, after all links, in the real folder of rollouts or evaluations
 */
export async function mediaPath(
  runFolder: string,
  relative: string,
  extension: '.mp4' | '.png',
): Promise<string | null> {
  if (!isPlain(relative)) return null;
  const root = await realOrNull(runFolder);
  const real = root === null ? null : await realOrNull(path.join(root, ...relative.split('/')));
  if (root === null || real === null || path.extname(real).toLowerCase() !== extension) return null;
  const inside = videoFolders.some((name) => real.startsWith(path.join(root, name) + path.sep));
  return inside && (await isFile(real)) ? real : null;
}

/** The files of videos that are on disk, by their `file`. A video that is not there, or lies elsewhere, is left out. */
export async function mediaOf(
  runFolder: string,
  videos: readonly { file: string; poster: string }[],
): Promise<Map<string, VideoFiles>> {
  const found = await Promise.all(
    videos.map(async ({ file, poster }) => {
      const video = await mediaPath(runFolder, file, '.mp4');
      return video === null ? null : ([file, { video, poster: await mediaPath(runFolder, poster, '.png') }] as const);
    }),
  );
  return new Map(found.filter((entry) => entry !== null));
}

/** Relative, with `/`, and without a part that leads elsewhere. */
function isPlain(relative: string): boolean {
  if (/[\0\\]/.test(relative)) return false;
  return relative.split('/').every((part) => part !== '' && part !== '.' && part !== '..' && !/^[a-z]:/i.test(part));
}

async function realOrNull(file: string): Promise<string | null> {
  try {
    return await realpath(file);
  } catch {
    // Not there, a loop of links, or not ours to read: for a webview it does not exist.
    return null;
  }
}

async function isFile(file: string): Promise<boolean> {
  try {
    return (await stat(file)).isFile();
  } catch {
    return false;
  }
}
