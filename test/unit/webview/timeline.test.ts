import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeVideo } from '../../../engine/media/encode.ts';
import { toBytes } from '../../../engine/media/frames.ts';
import {
  evenTimeline,
  frameAt,
  frameRate,
  shortestFrame,
  timelineOf,
  timeOfFrame,
} from '../../../webview/media/timeline.ts';
import { eightColours, flatVideo } from '../media/testvideo.ts';

const film = await encodeVideo(toBytes(flatVideo(eightColours)), 8, { quality: 26, framesPerSecond: 8 });

describe('the timeline of a video', () => {
  it('is read from the index of the file', () => {
    const timeline = timelineOf(film)!;
    expect(timeline.starts).toHaveLength(8);
    timeline.starts.forEach((start, frame) => expect(start).toBeCloseTo(frame / 8, 6));
    expect(timeline.duration).toBeCloseTo(1, 6);
    expect(frameRate(timeline)).toBeCloseTo(8, 6);
    expect(shortestFrame(timeline)).toBeCloseTo(1 / 8, 6);
  });

  it('needs no more than the beginning of the file', () => {
    const mdat = Buffer.from(film).indexOf('mdat');
    expect(timelineOf(film.subarray(0, mdat + 4))).toEqual(timelineOf(film));
  });

  it('is null, and never an exception, for what is no such file', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => timelineOf(bytes) === null));
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 700 }), fc.integer({ min: 0, max: 255 }), (at, value) => {
        const damaged = film.slice();
        damaged[at] = value;
        const timeline = timelineOf(damaged);
        return timeline === null || timeline.starts.length > 0;
      }),
    );
  });

  it('finds the frame that was sought again', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 500 }),
        fc.double({ min: 0.1, max: 100, noNaN: true }),
        fc.nat(),
        (frames, duration, any) => {
          const timeline = evenTimeline(frames, duration);
          const frame = any % frames;
          expect(frameAt(timeline, timeOfFrame(timeline, frame))).toBe(frame);
        },
      ),
    );
  });

  it('begins a frame where it begins, though players round times', () => {
    const timeline = evenTimeline(8, 1);
    expect(frameAt(timeline, 0.374999)).toBe(3);
    expect(frameAt(timeline, 0.36)).toBe(2);
    expect([frameAt(timeline, -1), frameAt(timeline, 99)]).toEqual([0, 7]);
    expect([timeOfFrame(timeline, -5), timeOfFrame(timeline, 50)]).toEqual([1 / 16, 15 / 16]);
  });
});
