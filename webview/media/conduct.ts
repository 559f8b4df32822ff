/**
 * How videos that play by themselves are kept in step. The slowest sets the time: the others are slowed, and held when they
 * are most of a frame ahead. Nothing is sought while it plays, because a seek costs a player more than it gains.
 */

/** A video as it is now. */
export interface Member {
  /** Seconds. */
  time: number;
  /** It has come to its end and shows its last frame. */
  ended: boolean;
  /** It cannot go on now: it loads, seeks, or has been stuck for long. The others do not wait for it. */
  absent: boolean;
}

/** What a video should do now. */
export type Order = 'play' | 'slow' | 'hold' | 'seek' | 'rest';

export interface Conduct {
  /** Time of the slowest, null when none plays. */
  time: number | null;
  /** One for each member. */
  orders: Order[];
  /** All have come to the end. */
  ended: boolean;
}

/** Shares of a frame that a video may be ahead before it is slowed, and before it is held. */
const slowAt = 0.2;
const holdAt = 0.6;
/** Frames that one which was absent may be behind; it is sought to the others when it is more. */
const behindAt = 0.9;

/**
 * Says what each video does next.
 * @param frame seconds of one frame
 * @param clock time up to which those that were absent have to catch up
 */
export function conduct(members: readonly Member[], frame: number, clock: number): Conduct {
  const present = members.filter(({ absent }) => !absent);
  // One that comes back from far behind is sought forward rather than waited for.
  const running = present.filter(({ ended, time }) => !ended && time >= clock - behindAt * frame);
  const ended = present.length > 0 && present.every((member) => member.ended);
  const time = running.length > 0 ? Math.min(...running.map((member) => member.time)) : null;
  const orders = members.map((member): Order => {
    if (member.absent || member.ended) return 'rest';
    if (member.time < clock - behindAt * frame) return 'seek';
    const ahead = (member.time - time!) / frame;
    return ahead > holdAt ? 'hold' : ahead > slowAt ? 'slow' : 'play';
  });
  return { time, orders, ended };
}
