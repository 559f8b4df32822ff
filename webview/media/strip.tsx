import type { JSX } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import type { Playback } from './playback.ts';
import { framesOfStrip } from './strip-frames.ts';
import { timeOfFrame, type Timeline } from './timeline.ts';

const height = 64;
const mostPictures = 24;

export interface StripProps {
  address: string;
  playback: Playback;
}

/** The frames of a video beside each other; choosing one shows it. */
export function FrameStrip({ address, playback }: StripProps): JSX.Element {
  const list = useRef<HTMLDivElement>(null);
  const timeline = playback.timeline.value;
  const frames = framesOfStrip(timeline.starts.length, mostPictures);
  const shown = playback.frame.value;
  const current = frames.findLast((frame) => frame <= shown) ?? 0;
  useEffect(() => {
    const canvases = [...list.current!.querySelectorAll('canvas')];
    return drawFrames(address, timeline, frames, canvases);
  }, [address, timeline]);
  return (
    <div class="strip" ref={list} role="group" aria-label="Frames">
      {frames.map((frame) => (
        <button
          key={frame}
          type="button"
          aria-label={`Frame ${frame + 1}`}
          aria-pressed={frame === current}
          onClick={() => playback.show(frame)}
        >
          <canvas height={height} width={height} data-frame={frame} />
          <span aria-hidden="true">{frame + 1}</span>
        </button>
      ))}
    </div>
  );
}

/** Draws each frame by a player of its own, one seek after the other. Returns what stops it and gives the decoder back. */
function drawFrames(address: string, timeline: Timeline, frames: number[], canvases: HTMLCanvasElement[]): () => void {
  const video = document.createElement('video');
  let at = 0;
  const stop = () => {
    video.onloadeddata = video.onseeked = video.onerror = null;
    video.removeAttribute('src');
    video.load();
  };
  const next = () => {
    if (at >= frames.length) return stop();
    video.currentTime = timeOfFrame(timeline, frames[at]);
  };
  video.onloadeddata = next;
  video.onseeked = () => {
    const canvas = canvases[at];
    canvas.width = Math.max(1, Math.round((height * video.videoWidth) / Math.max(1, video.videoHeight)));
    canvas.getContext('2d')?.drawImage(video, 0, 0, canvas.width, canvas.height);
    canvas.dataset.drawn = 'true';
    at++;
    next();
  };
  video.onerror = stop;
  video.muted = true;
  video.preload = 'auto';
  video.src = address;
  return stop;
}
