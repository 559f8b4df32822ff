import { describe, expect, it } from 'vitest';
import { chromium, needs, needsChromium } from '../../support/needs.ts';
import { play } from '../../support/playback.ts';
import { encodeVideo } from '../../../engine/media/encode.ts';
import { toBytes } from '../../../engine/media/frames.ts';
import { eightColours, flatVideo } from './testvideo.ts';

describe('in a browser', () => {
  needs(chromium !== undefined, needsChromium);
  it('a video plays, seeks to any frame, and has the colours of the pixels', { timeout: 60_000 }, async () => {
    const result = await play(
      await encodeVideo(toBytes(flatVideo(eightColours)), 8, { quality: 26, framesPerSecond: 8 }),
    );
    expect(result.error).toBeUndefined();
    expect(result).toMatchObject({ width: 256, height: 256, duration: 1 });
    eightColours.forEach((colour, frame) => {
      colour.forEach((value, channel) =>
        expect(Math.abs(result.colours[frame][channel] - value * 255)).toBeLessThan(8),
      );
    });
  });
});
