import type { JSX } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import type { Playback } from './playback.ts';
import { watchVisible } from './visible.ts';

/** What a <video> and an <img> take. */
export interface Source {
  video: string;
  poster: string | null;
}

export interface PlayerProps {
  /** Null: the file is not there. */
  source: Source | null;
  playback: Playback;
  /** What the video shows, for those who do not see it. */
  label: string;
  /** Loads at once instead of when it comes into view. */
  eager?: boolean;
  /** Told why it cannot play; null when it can again. */
  onFault?: (reason: string | null) => void;
}

export const missingVideo = 'The file is not on disk any more.';

/** Why a video does not play, in words. */
export function faultOf(error: { code: number; message: string } | null): string {
  const detail = error?.message ? ` (${error.message})` : '';
  if (error?.code === 2) return `Reading the file failed${detail}.`;
  if (error?.code === 3) return `The file is damaged${detail}.`;
  return `The file is missing, or is not a video that plays here: H.264 in MP4 does${detail}.`;
}

/** Time in view after which a video is loaded (ms), so that scrolling past loads nothing. */
const settle = 120;

/**
 * A video that is loaded only while it can be seen, and gives its decoder back when it cannot. Its poster shows before, after,
 * and when it does not play.
 */
export function Player({ source, playback, label, eager = false, onFault }: PlayerProps): JSX.Element {
  const frame = useRef<HTMLDivElement>(null);
  const [near, setNear] = useState(eager);
  const [fault, setFault] = useState<string | null>(null);
  useEffect(() => {
    if (eager || !frame.current) return;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const stop = watchVisible(frame.current, (visible) => {
      clearTimeout(timer);
      if (visible) timer = setTimeout(() => setNear(true), settle);
      else setNear(false);
    });
    return () => (clearTimeout(timer), stop());
  }, [eager]);
  const tell = (reason: string | null) => {
    setFault(reason);
    onFault?.(reason);
  };
  useEffect(() => tell(source ? null : missingVideo), [source?.video]);
  return (
    <div class="player" ref={frame} role="img" aria-label={label}>
      {source?.poster && <img src={source.poster} alt="" loading={eager ? 'eager' : 'lazy'} decoding="async" />}
      {near && source && !fault && (
        <Film key={source.video} address={source.video} playback={playback} onFault={tell} />
      )}
      {fault && <p class="player-fault">{fault}</p>}
    </div>
  );
}

interface FilmProps {
  address: string;
  playback: Playback;
  onFault: (reason: string | null) => void;
}

function Film({ address, playback, onFault }: FilmProps): JSX.Element {
  const element = useRef<HTMLVideoElement>(null);
  const [loaded, setLoaded] = useState(false);
  useEffect(() => {
    const video = element.current!;
    const leave = playback.attach(video);
    return () => {
      leave();
      // Without this the decoder lives until the element is collected.
      video.pause();
      video.removeAttribute('src');
      video.load();
    };
  }, [playback]);
  return (
    <video
      ref={element}
      class={loaded ? 'loaded' : ''}
      src={address}
      muted
      playsInline
      disablePictureInPicture
      preload="auto"
      tabIndex={-1}
      aria-hidden="true"
      onLoadedData={() => setLoaded(true)}
      onError={(event) => {
        const { error } = event.currentTarget;
        if (error) onFault(faultOf(error));
      }}
    />
  );
}
