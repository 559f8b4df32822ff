import { rmSync } from 'node:fs';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { chromium, needs, needsChromium } from '../support/needs.ts';
import { seriousFaults } from './accessible.ts';
import { bundleWebview } from './bundle.ts';
import { videosOn } from './frames.ts';
import { closeBrowser, openWebview, type PageOptions, type WebviewPage } from './page.ts';
import { dashboardHost } from './run-host.ts';
import { generations, hostile, prompts, runsFolder, writeVideoRun } from './video-run.ts';

const slow = { timeout: 30_000, interval: 100 };
const frame = 1 / 8;

describe('the Rollouts tab', () => {
  needs(chromium !== undefined, needsChromium);
  const runs = runsFolder();
  let bundle: string;
  let run: string;
  let view: WebviewPage;
  beforeAll(async () => {
    if (chromium === undefined) return;
    bundle = await bundleWebview('dashboard');
    run = await writeVideoRun(runs);
  });
  afterEach(async () => {
    await view?.close();
  });
  afterAll(closeBrowser);

  async function open(options: Partial<PageOptions> = {}, id = run) {
    view = await openWebview({ bundle, name: 'dashboard', files: runs, answer: dashboardHost(runs, id), ...options });
    await view.page.locator('#dashboard-tab-rollouts').click();
    return view.page;
  }
  async function openCards(options: Partial<PageOptions> = {}, id = run) {
    const page = await open(options, id);
    await page.locator('.card').first().waitFor();
    const loaded = async () => {
      const videos = await videosOn(page);
      return videos.length > 0 && videos.every(({ readyState }) => readyState >= 2);
    };
    await expect.poll(loaded, slow).toBe(true);
    return page;
  }
  const card = (prompt: number, generation: number) =>
    view.page.locator('.group').nth(prompt).locator('.card').nth(generation);
  const shownFrames = async () => [...new Set((await videosOn(view.page)).map((video) => video.frame))];

  it('shows the generations of each prompt, with scores, and takes prompts for text', async () => {
    const page = await openCards();
    expect(await page.locator('.group h3').allTextContents()).toEqual(prompts);
    expect(await page.locator('.card').count()).toBe(prompts.length * generations);
    expect(await page.evaluate(() => 'hacked' in window)).toBe(false);
    expect(await card(0, 1).locator('.scores').innerText()).toMatch(/1\.30[\s\S]*VQ 0\.65[\s\S]*distance 0\.050/);
    expect(await card(0, 0).locator('.advantage').innerText()).toContain('−1.53');
    expect(await card(0, 5).locator('.advantage').innerText()).toContain('+1.53');
    expect(await page.locator('.group').nth(1).locator('header').innerText()).toContain('dead group');
    expect(await card(2, 3).locator('.unscored').innerText()).toContain('the judge did not answer <b>in time</b>');
    expect(view.complaints).toEqual([]);
  });

  it('shows components in both scales, what is held out, and notes on a score', async () => {
    await openCards();
    const scores = card(3, 1).locator('.scores');
    const text = (await scores.innerText()).replaceAll('\n', ' ');
    expect(text).toMatch(
      /VQ 0\.\d+ \(raw 4\.62\).*MQ 0\.\d+ [^(]*distance.*held out: *clipscore 27\.1.*77 of <b>103<\/b> tokens/,
    );
    expect(await scores.locator('span[title*="own scale"]').count()).toBe(1);
    expect(await card(0, 1).locator('.scores').innerText()).not.toMatch(/raw|held out/);
  });

  it('plays all videos that are seen in step', async () => {
    const page = await openCards();
    await page.getByRole('button', { name: 'Play all' }).click();
    const before = (await videosOn(page)).map(({ time }) => time);
    await expect.poll(async () => (await videosOn(page)).every(({ time }, i) => time !== before[i]), slow).toBe(true);
    // Around the end some may be at their last frame and others at the first.
    const apart = async () => {
      const times = (await videosOn(page)).map(({ time }) => time % 1);
      const spread = Math.max(...times) - Math.min(...times);
      return Math.min(spread, 1 - spread);
    };
    for (let i = 0; i < 5; i++) await expect.poll(apart, slow).toBeLessThan(frame);
    await page.getByRole('button', { name: 'Pause all' }).click();
    await expect.poll(shownFrames, slow).toHaveLength(1);
  });

  it('loads only the videos that are seen, and lets go of those that are not', async () => {
    const page = await openCards({ height: 700 });
    const loaded = () => page.locator('.player video').count();
    const seen = () =>
      page.evaluate(
        () =>
          [...document.querySelectorAll('.player')].filter((player) => {
            const { top, bottom } = player.getBoundingClientRect();
            return bottom > 0 && top < innerHeight;
          }).length,
      );
    expect(await seen()).toBeLessThan((prompts.length * generations) / 2);
    await expect.poll(loaded, slow).toBe(await seen());
    const films = () => new Set(view.requested.filter((file) => file.endsWith('.mp4'))).size;
    await expect.poll(films, slow).toBe(await seen());
    await page.mouse.move(400, 500);
    await page.evaluate(() => window.scrollTo(0, document.body.scrollHeight));
    await expect.poll(() => card(7, 7).locator('video').count(), slow).toBe(1);
    await expect.poll(() => card(0, 0).locator('video').count(), slow).toBe(0);
    await expect.poll(async () => (await loaded()) === (await seen()), slow).toBe(true);
  });

  it('steps all videos frame by frame', async () => {
    const page = await openCards();
    await card(0, 0).locator('.card-open').focus();
    for (const wanted of [1, 2, 3]) {
      await page.keyboard.press('.');
      await expect.poll(shownFrames, slow).toEqual([wanted]);
    }
    await page.keyboard.press(',');
    await expect.poll(shownFrames, slow).toEqual([2]);
    await page.getByLabel('Frame', { exact: true }).fill('7');
    await expect.poll(shownFrames, slow).toEqual([7]);
    await card(0, 0).locator('.card-open').focus();
    await page.keyboard.press('.');
    await expect.poll(shownFrames, slow).toEqual([0]);
  });

  it('orders generations by reward, those without one last', async () => {
    const page = await openCards();
    await page.getByLabel('Order').selectOption('reward');
    const rewards = await page.locator('.group').first().locator('.scores strong').allTextContents();
    expect(rewards.map(Number)).toEqual(rewards.map(Number).toSorted((a, b) => b - a));
    expect(new Set(rewards).size).toBe(generations);
    expect(
      await card(2, generations - 1)
        .locator('.unscored')
        .count(),
    ).toBe(1);
  });

  it('copies prompt, seed and path, and opens the video in an editor', async () => {
    const page = await openCards();
    const choose = async (item: string) => {
      await card(0, 2).hover();
      await card(0, 2).getByRole('button', { name: 'Actions' }).click();
      await page.getByRole('menuitem', { name: item }).click();
    };
    for (const item of ['Copy Prompt', 'Copy Seed', 'Copy File Path', 'Open in Editor']) await choose(item);
    const file = 'rollouts/000010/p00-g2.mp4';
    expect((await view.sent('copy')).map(({ text }) => text)).toEqual([
      hostile,
      'seed 42, stream 0, iteration 10, prompt 0, generation 2',
      path.join(runs, run, file),
    ]);
    expect(await view.sent('openVideo')).toEqual([{ type: 'openVideo', kind: 'rollouts', iteration: 10, file }]);
  });

  it('sets a video beside the same prompt at another iteration and says when the seeds differ', async () => {
    const page = await openCards();
    await page.getByLabel('Side by side').check();
    await expect.poll(() => card(3, 0).locator('.player').count(), slow).toBe(2);
    expect(await card(3, 0).innerText()).toMatch(/at iteration 1: 1\.30[\s\S]*other seed/);
    await page.getByRole('button', { name: 'Show Evaluation' }).click();
    await expect.poll(() => page.locator('.card').count(), slow).toBe(prompts.length * 2);
    await expect.poll(() => card(3, 0).innerText(), slow).toContain('at iteration 1: 1.30');
    expect(await page.locator('.card-other-seed').count()).toBe(0);
  });

  it('goes to other iterations by the keyboard', async () => {
    const page = await openCards();
    await page.getByRole('slider', { name: 'Iteration' }).focus();
    await page.keyboard.press('Home');
    await expect
      .poll(async () => (await view.sent('ask')).at(-1)?.params, slow)
      .toEqual({ kind: 'rollouts', iteration: 1 });
    await expect.poll(() => card(0, 0).locator('.card-seed').innerText(), slow).toContain('42·0·1·0·0');
    await page.getByRole('button', { name: 'Iteration: later' }).click();
    await expect.poll(() => card(0, 0).locator('.card-seed').innerText(), slow).toContain('42·0·10·0·0');
  });

  it('enlarges a video and works there by keyboard alone', async () => {
    const page = await openCards();
    await card(0, 0).locator('.card-open').focus();
    await page.keyboard.press('ArrowRight');
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Enter');
    const dialog = page.getByRole('dialog');
    expect(await dialog.getByRole('heading').innerText()).toBe(prompts[1]);
    const shown = async () => (await videosOn(page, 'dialog'))[0];
    await expect.poll(async () => (await shown()).readyState, slow).toBeGreaterThanOrEqual(2);
    await page.keyboard.press('ArrowRight');
    await page.keyboard.press('ArrowRight');
    await expect.poll(async () => (await shown()).frame, slow).toBe(2);
    await expect.poll(() => dialog.locator('canvas[data-drawn]').count(), slow).toBe(8);
    expect(await seriousFaults(page)).toEqual([]);
    for (let i = 0; i < 30; i++) {
      await page.keyboard.press('Tab');
      expect(
        await page.evaluate(
          () => document.activeElement === document.body || !!document.activeElement?.closest('dialog'),
        ),
      ).toBe(true);
    }
    await page.keyboard.press('PageDown');
    await expect.poll(() => dialog.innerText(), slow).toContain('prompt 1, generation 2');
    await page.keyboard.press('Escape');
    await dialog.waitFor({ state: 'detached' });
    expect(await page.evaluate(() => document.activeElement?.className)).toBe('card-open');
  });

  it('keeps the poster of a video that does not play, says why, and offers the editor', async () => {
    const own = await writeVideoRun(runs, {}, 'gone');
    rmSync(path.join(runs, own, 'rollouts/000010/p00-g0.mp4'));
    const page = await open({}, own);
    await card(0, 0).getByText('The file is missing').waitFor();
    expect(
      await card(0, 0)
        .locator('.player img')
        .evaluate((image: HTMLImageElement) => image.naturalWidth),
    ).toBe(256);
    await card(0, 0).getByRole('button', { name: 'Open in editor' }).click();
    expect(await view.sent('openVideo')).toHaveLength(1);
    expect(await page.locator('.player-fault').count()).toBe(1);
  });

  it.each([
    [0, 'This run writes no videos'],
    [10, 'No videos were written'],
  ])('says why there are no videos with videos.every: %i', async (every, title) => {
    const host = dashboardHost(runs, run);
    const page = await open({
      answer: (message, post) =>
        host(message, async (sent) => {
          const own = structuredClone(sent) as {
            type: string;
            view: { written: unknown[] };
            summary: { config: object };
          };
          if (own.type === 'view') own.view.written = [];
          if (own.type === 'summary') own.summary.config = { ...own.summary.config, videos: { every } };
          await post(own);
        }),
    });
    await page.getByText(title).waitFor();
  });

  it.each(['dark', 'light', 'high-contrast'] as const)(
    'has no serious fault of access in the %s theme',
    async (theme) => {
      const page = await openCards({ theme, width: 480 });
      expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(480);
      expect(await seriousFaults(page)).toEqual([]);
      expect(view.complaints).toEqual([]);
    },
  );
});
