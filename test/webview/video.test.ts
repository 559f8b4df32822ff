import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { chromium, needs, needsChromium } from '../support/needs.ts';
import { seriousFaults } from './accessible.ts';
import { bundleWebview } from './bundle.ts';
import { videosOn } from './frames.ts';
import { closeBrowser, openWebview, type PageOptions, type WebviewPage } from './page.ts';
import { videoHost } from './run-host.ts';
import { hostile, runsFolder, writeVideoRun } from './video-run.ts';

const slow = { timeout: 30_000, interval: 100 };

describe('the editor of a video', () => {
  needs(chromium !== undefined, needsChromium);
  const runs = runsFolder();
  let bundle: string;
  let run: string;
  let view: WebviewPage;
  beforeAll(async () => {
    if (chromium === undefined) return;
    bundle = await bundleWebview('video');
    run = await writeVideoRun(runs);
  });
  afterEach(async () => {
    await view?.close();
  });
  afterAll(closeBrowser);

  async function open(wanted: { inside?: boolean; gone?: boolean } = {}, options: Partial<PageOptions> = {}) {
    const answer = videoHost(runs, run, { kind: 'rollouts', iteration: 10, video: 2, ...wanted });
    view = await openWebview({ bundle, name: 'video', files: runs, answer, ...options });
    await view.page.locator('.player').waitFor();
    return view.page;
  }
  const shown = async () => (await videosOn(view.page))[0];
  const ready = () => expect.poll(async () => (await shown())?.readyState ?? 0, slow).toBeGreaterThanOrEqual(2);

  it('steps to the frame that was asked for, by keys, slider and strip', async () => {
    const page = await open();
    await ready();
    await page.keyboard.press('ArrowRight');
    await page.keyboard.press('.');
    await expect.poll(async () => (await shown()).frame, slow).toBe(2);
    await page.keyboard.press('ArrowLeft');
    await expect.poll(async () => (await shown()).frame, slow).toBe(1);
    await page.getByLabel('Frame', { exact: true }).fill('5');
    await expect.poll(async () => (await shown()).frame, slow).toBe(5);
    await expect.poll(() => page.locator('.frame-clock').innerText(), slow).toBe('0.625 s');
    await page.getByRole('button', { name: 'Frame 4' }).click();
    await expect.poll(async () => (await shown()).frame, slow).toBe(3);
    await page.getByLabel('Frame', { exact: true }).fill('5');
    await expect.poll(async () => (await shown()).frame, slow).toBe(5);
  });

  it('draws each frame into the strip', async () => {
    const page = await open();
    await expect.poll(() => page.locator('.strip canvas[data-drawn]').count(), slow).toBe(8);
    const colours = await page.locator('.strip canvas').evaluateAll((all) =>
      all.map((canvas) => {
        const { width, height } = canvas as HTMLCanvasElement;
        const at = (canvas as HTMLCanvasElement).getContext('2d')!;
        return [...at.getImageData(width * 0.75, height * 0.75, 1, 1).data.slice(0, 3)];
      }),
    );
    const { frameOf } = await import('./frames.ts');
    expect(colours.map(frameOf)).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
  });

  it('plays, and stops at the end when it does not loop', async () => {
    const page = await open();
    await ready();
    await page.getByRole('button', { name: 'Loop' }).click();
    const before = (await shown()).time;
    await page.keyboard.press('k');
    await expect.poll(async () => (await shown()).time, slow).toBeGreaterThan(before);
    await page.getByRole('button', { name: 'Play (Space)' }).waitFor();
    await expect.poll(async () => (await shown()).frame, slow).toBe(7);
  });

  it('shows whole pixels of the screen for each pixel of the video', async () => {
    const page = await open();
    await ready();
    await page.getByLabel('Zoom').selectOption('2');
    const player = page.locator('.player');
    expect(await player.evaluate((box) => box.clientWidth)).toBe(512);
    expect(await player.locator('video').evaluate((video) => getComputedStyle(video).imageRendering)).toBe('pixelated');
  });

  it('lists what the run knows of the video, as text, and copies it', async () => {
    const page = await open();
    const about = page.getByRole('complementary');
    await expect.poll(() => about.innerText(), slow).toContain('8, 8 a second, 1.000 s');
    expect(await page.locator('.film-prompt').innerText()).toBe(hostile);
    expect(await about.innerText()).toMatch(
      /Reward\s+1\.60[\s\S]*seed 42, stream 0, iteration 10, prompt 0, generation 2[\s\S]*p00-g2\.mp4/,
    );
    await page.getByRole('button', { name: 'Copy Prompt' }).click();
    await page.getByRole('button', { name: 'Copy Seed' }).click();
    await page.getByRole('button', { name: 'Open Dashboard' }).click();
    expect((await view.sent('copy')).map(({ text }) => text)).toEqual([
      hostile,
      'seed 42, stream 0, iteration 10, prompt 0, generation 2',
    ]);
    expect(await view.sent('openDashboard')).toHaveLength(1);
    expect(await page.evaluate(() => 'hacked' in window)).toBe(false);
    expect(view.complaints).toEqual([]);
  });

  it('shows a video that is of no run', async () => {
    const page = await open({ inside: false });
    await ready();
    await page.getByText('This file is not of a run').waitFor();
    expect(await page.getByRole('button', { name: 'Copy Prompt' }).count()).toBe(0);
  });

  it('says why a video does not play and opens it elsewhere', async () => {
    const page = await open({ gone: true });
    await page.getByRole('alert').waitFor();
    expect(await page.getByRole('alert').innerText()).toContain('The file is missing');
    await page.getByRole('button', { name: 'Open Externally' }).click();
    expect(await view.sent('openExternally')).toHaveLength(1);
  });

  it.each(['dark', 'light', 'high-contrast'] as const)(
    'has no serious fault of access in the %s theme',
    async (theme) => {
      const page = await open({}, { theme, width: 480 });
      await ready();
      expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(480);
      expect(await seriousFaults(page)).toEqual([]);
    },
  );
});
