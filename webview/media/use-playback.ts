import { useEffect, useMemo } from 'preact/hooks';
import { createPlayback, type Playback } from './playback.ts';
import { readTimeline } from './timeline.ts';

/** Whether videos may begin by themselves: the setting says so, and the person has not asked for less motion. */
export function mayAutoplay(setting: boolean): boolean {
  return setting && !window.matchMedia('(prefers-reduced-motion: reduce)').matches;
}

/**
 * A clock that lives as long as the component.
 * @param address a video that says how long the frames of all are; null when there is none yet
 * @param frames how many a video has as far as is known
 */
export function usePlayback(address: string | null, options: { frames?: number; autoplay: boolean }): Playback {
  const playback = useMemo(() => createPlayback({ frames: options.frames }), []);
  useEffect(() => () => playback.dispose(), []);
  useEffect(() => {
    if (address === null) return;
    const stop = new AbortController();
    void readTimeline(address, stop.signal).then((timeline) => {
      if (timeline && !stop.signal.aborted) playback.follow(timeline);
    });
    return () => stop.abort();
  }, [address]);
  const begins = address !== null && mayAutoplay(options.autoplay);
  useEffect(() => {
    if (begins) playback.play();
  }, [begins]);
  return playback;
}
