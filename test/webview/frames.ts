import type { Page } from 'playwright-core';
import { eightColours } from '../unit/media/testvideo.ts';

export interface Playing {
  time: number;
  paused: boolean;
  readyState: number;
  /** The frame that is on screen, by its colour. */
  frame: number;
}

/** All videos of a page, in its order, as they are at one moment. */
export async function videosOn(page: Page, within = 'body'): Promise<Playing[]> {
  const seen = await page.evaluate((selector) => {
    const canvas = document.createElement('canvas');
    canvas.width = canvas.height = 16;
    const context = canvas.getContext('2d', { willReadFrequently: true })!;
    return [...document.querySelectorAll<HTMLVideoElement>(`${selector} .player video`)].map((video) => {
      context.clearRect(0, 0, 16, 16);
      context.drawImage(video, 0, 0, 16, 16);
      const colour = [...context.getImageData(12, 12, 1, 1).data.slice(0, 3)];
      return { time: video.currentTime, paused: video.paused, readyState: video.readyState, colour };
    });
  }, within);
  return seen.map(({ colour, ...video }) => ({ ...video, frame: frameOf(colour) }));
}

/** The frame of the test video whose colour is nearest. */
export function frameOf(colour: readonly number[]): number {
  const distances = eightColours.map((own) => own.reduce((sum, value, i) => sum + (value * 255 - colour[i]) ** 2, 0));
  return distances.indexOf(Math.min(...distances));
}
