import { useEffect, useRef, useState } from 'preact/hooks';
import type { IterationVideos } from '../../engine/protocol.ts';
import type { Refusal } from '../host.ts';

/** The videos of an iteration, with what a page takes to show them. */
export type VideosAnswer = IterationVideos & { sources: Record<string, { video: string; poster: string }> };

export type Videos =
  | { state: 'loading'; before: VideosAnswer | null }
  | { state: 'ready'; answer: VideosAnswer }
  | { state: 'failed'; refusal: Refusal };

/** A slider that is dragged asks for where it rests (ms). */
const rest = 100;

/**
 * Asks for the videos of an iteration. While others are on their way those before are handed out, so that nothing flickers.
 * @param key changes when something else is to be asked for; null: nothing is
 */
export function useVideos(key: string | null, ask: () => Promise<VideosAnswer>): Videos {
  const last = useRef<VideosAnswer | null>(null);
  const [videos, setVideos] = useState<Videos>({ state: 'loading', before: null });
  useEffect(() => {
    if (key === null) return;
    let current = true;
    setVideos({ state: 'loading', before: last.current });
    const get = () =>
      ask().then(
        (answer) => {
          last.current = answer;
          if (current) setVideos({ state: 'ready', answer });
        },
        (refusal: Refusal) => {
          if (current) setVideos({ state: 'failed', refusal });
        },
      );
    const timer = setTimeout(get, last.current ? rest : 0);
    return () => {
      current = false;
      clearTimeout(timer);
    };
  }, [key]);
  return videos;
}

/** The answer to show: the one asked for, or that before while it is on its way. */
export function shownAnswer(videos: Videos): VideosAnswer | null {
  return videos.state === 'ready' ? videos.answer : videos.state === 'loading' ? videos.before : null;
}
