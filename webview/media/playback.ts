/** One clock for all videos on screen: play, pause, step, speed and loop act on all of them, and they stay in step. */
import { signal, type ReadonlySignal, type Signal } from '@preact/signals';
import { conduct, type Member, type Order } from './conduct.ts';
import { evenTimeline, frameAt, shortestFrame, timeOfFrame, type Timeline } from './timeline.ts';

/** Speeds that can be chosen. */
export const speeds = [0.25, 0.5, 1, 1.5, 2] as const;

export interface Playback {
  readonly playing: ReadonlySignal<boolean>;
  /** The frame that is shown. */
  readonly frame: ReadonlySignal<number>;
  /** One of `speeds`. */
  readonly speed: Signal<number>;
  readonly loop: Signal<boolean>;
  /** Frames of the videos. */
  readonly timeline: ReadonlySignal<Timeline>;
  /** Says what the frames are. Until then as many as were assumed fill the length of the videos. */
  follow(timeline: Timeline): void;
  play(): void;
  pause(): void;
  toggle(): void;
  /** Pauses and shows a frame. */
  show(frame: number): void;
  /** Pauses and goes on by some frames, around the ends when it loops. */
  step(by: number): void;
  /** Takes a video into the choir; it is brought to where the others are. Returns what lets it go. */
  attach(video: HTMLVideoElement): () => void;
  /** Stops the clock for good. */
  dispose(): void;
}

/** A video that takes part. */
interface Player {
  video: HTMLVideoElement;
  /** Where it is to be sought once the seek that is going on has ended. */
  wanted: number | null;
  held: boolean;
  lastTime: number;
  /** When it last went on, of `performance.now()`. */
  lastAdvance: number;
}

/** A video that has not gone on for so long (ms) is not waited for. */
const patience = 1000;
const slowed = 0.7;

/** Starts a clock that stands at the first frame. */
export function createPlayback(options: { loop?: boolean; frames?: number } = {}): Playback {
  const playing = signal(false);
  const frame = signal(0);
  const speed = signal(1);
  const loop = signal(options.loop ?? true);
  const assumed = options.frames ?? 8;
  const timeline = signal<Timeline>(evenTimeline(assumed, 1));
  let followed = false;
  const players = new Set<Player>();
  let clock = 0;
  /** When all were sent back to the start, while they are on their way. */
  let rewound: number | null = null;
  let request = 0;

  function tick(now: number): void {
    request = playing.value ? requestAnimationFrame(tick) : 0;
    if (!playing.value || players.size === 0) return;
    const all = [...players];
    if (rewound !== null) {
      if (all.some(isSeeking) && now - rewound < patience) return;
      rewound = null;
    }
    const { time, orders, ended } = conduct(
      all.map((player) => memberOf(player, now)),
      shortestFrame(timeline.value),
      clock,
    );
    if (ended) return atEnd(now);
    if (time !== null) clock = Math.max(clock, time);
    frame.value = frameAt(timeline.value, clock);
    all.forEach((player, i) => obey(player, orders[i], now));
  }

  function atEnd(now: number): void {
    if (!loop.value) return pause();
    clock = 0;
    frame.value = 0;
    rewound = now;
    for (const player of players) seek(player, 0);
  }

  function obey(player: Player, order: Order, now: number): void {
    const { video } = player;
    const rate = order === 'slow' ? speed.value * slowed : speed.value;
    if (video.playbackRate !== rate) video.playbackRate = rate;
    player.held = order === 'hold';
    if (player.held) player.lastAdvance = now;
    if (order === 'seek') seek(player, clock);
    else if (order === 'hold' && !video.paused) video.pause();
    // A refusal (the page is hidden, the element is gone) is tried again at the next frame.
    else if (order !== 'hold' && video.paused && !video.ended && video.readyState >= 2) video.play().catch(() => {});
  }

  function play(): void {
    if (playing.value) return;
    const { starts } = timeline.value;
    if (frame.value >= starts.length - 1) show(0);
    clock = frame.value === 0 ? 0 : timeOfFrame(timeline.value, frame.value);
    const now = performance.now();
    for (const player of players) player.lastAdvance = now;
    rewound = null;
    playing.value = true;
    request ||= requestAnimationFrame(tick);
  }

  function pause(): void {
    playing.value = false;
    show(frame.value);
  }

  function show(wanted: number): void {
    playing.value = false;
    frame.value = Math.min(Math.max(0, Math.round(wanted)), timeline.value.starts.length - 1);
    clock = timeOfFrame(timeline.value, frame.value);
    for (const player of players) {
      player.video.pause();
      seek(player, clock);
    }
  }

  function attach(video: HTMLVideoElement): () => void {
    const player: Player = { video, wanted: null, held: false, lastTime: -1, lastAdvance: performance.now() };
    const arrive = () => {
      if (!followed && Number.isFinite(video.duration)) timeline.value = evenTimeline(assumed, video.duration);
      seek(player, playing.value ? clock : timeOfFrame(timeline.value, frame.value));
    };
    const arrived = () => {
      const { wanted } = player;
      player.wanted = null;
      player.lastAdvance = performance.now();
      if (wanted !== null) seek(player, wanted);
    };
    video.addEventListener('loadeddata', arrive);
    video.addEventListener('seeked', arrived);
    players.add(player);
    if (video.readyState >= 2) arrive();
    return () => {
      players.delete(player);
      video.removeEventListener('loadeddata', arrive);
      video.removeEventListener('seeked', arrived);
    };
  }

  return {
    ...{ playing, frame, speed, loop, timeline, play, pause, show, attach },
    follow(known) {
      followed = true;
      timeline.value = known;
      if (!playing.value) show(frame.value);
    },
    toggle: () => (playing.value ? pause() : play()),
    step(by) {
      const { length } = timeline.value.starts;
      const next = Math.round(frame.value) + by;
      show(loop.value ? ((next % length) + length) % length : next);
    },
    dispose() {
      playing.value = false;
      cancelAnimationFrame(request);
      players.clear();
    },
  };
}

const isSeeking = ({ video }: Player) => video.readyState >= 1 && video.error === null && video.seeking;

function memberOf(player: Player, now: number): Member {
  const { video } = player;
  if (video.currentTime !== player.lastTime || player.held) player.lastAdvance = now;
  player.lastTime = video.currentTime;
  const stuck = !video.ended && now - player.lastAdvance > patience;
  const absent = video.readyState < 2 || video.seeking || video.error !== null || stuck;
  return { time: video.currentTime, ended: video.ended, absent };
}

/** Seeks, or remembers to when the seek that is going on has ended: a slider asks faster than a player can follow. */
function seek(player: Player, time: number): void {
  const { video } = player;
  if (video.readyState < 1 || video.error) return;
  if (video.seeking) {
    player.wanted = time;
    return;
  }
  const end = Number.isFinite(video.duration) ? Math.max(0, video.duration - 1e-3) : time;
  video.currentTime = Math.min(time, end);
}
