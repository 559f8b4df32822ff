import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { chromium, needs, needsChromium } from '../support/needs.ts';
import { seriousFaults } from './accessible.ts';
import { bundleWebview } from './bundle.ts';
import { videosOn } from './frames.ts';
import { closeBrowser, openWebview, type PageOptions, type WebviewPage } from './page.ts';
import { compareHost } from './run-host.ts';
import { hostile, prompts, runsFolder, writeVideoRun } from './video-run.ts';

const slow = { timeout: 30_000, interval: 100 };
const long = 'a '.repeat(300) + '<b>long</b>';

describe('the comparison of runs', () => {
  needs(chromium !== undefined, needsChromium);
  const runs = runsFolder();
  let bundle: string;
  let ids: string[];
  let view: WebviewPage;
  beforeAll(async () => {
    if (chromium === undefined) return;
    bundle = await bundleWebview('compare');
    const first = await writeVideoRun(runs, { prompts: 'all' }, 'first');
    const second = await writeVideoRun(runs, { prompts: long, exploration: { kernel: 'flow_grpo' } }, 'second');
    ids = [first, second];
  });
  afterEach(async () => {
    await view?.close();
  });
  afterAll(closeBrowser);

  async function open(tab: string, options: Partial<PageOptions> = {}) {
    view = await openWebview({ bundle, name: 'compare', files: runs, answer: compareHost(runs, ids), ...options });
    await view.page.locator(`#compare-tab-${tab}`).click();
    return view.page;
  }

  it('draws a line a run in each chart, told apart by letter and pattern too', async () => {
    const page = await open('curves');
    const chart = page.locator('#chart-reward');
    await chart.locator('canvas').first().waitFor();
    const legend = chart.locator('.chart-legend-entry');
    expect(await legend.allInnerTexts()).toEqual([
      expect.stringContaining(`A ${ids[0]}`),
      expect.stringContaining(`B ${ids[1]}`),
    ]);
    const patterns = await legend
      .locator('line')
      .evaluateAll((lines) => lines.map((line) => line.getAttribute('stroke-dasharray')));
    expect(new Set(patterns).size).toBe(2);
    expect(await page.locator('.chart h2').allInnerTexts()).toEqual(
      expect.arrayContaining([
        'Reward of rollouts',
        'Evaluation reward',
        'Manifold distance',
        'Drift from the pre-trained model',
      ]),
    );
    expect(view.complaints).toEqual([]);
  });

  it('saves a chart over seconds of training as CSV and SVG', async () => {
    const page = await open('curves');
    await page.getByText('Seconds of training').click();
    const chart = page.locator('#chart-reward');
    for (const item of ['Save Series as CSV…', 'Save as SVG…']) {
      await chart.getByRole('button', { name: 'Export' }).click();
      await page.getByRole('menuitem', { name: item }).click();
    }
    await expect.poll(async () => (await view.sent('save')).length, slow).toBe(2);
    const [csv, svg] = await view.sent('save');
    expect(csv.data).toMatch(/^Seconds,/);
    expect(String(csv.data).trim().split('\r\n')).toHaveLength(3);
    expect(svg.data).toContain('stroke-dasharray="8 4"');
  });

  it('lists only what differs between the configs, with values as text', async () => {
    const page = await open('config');
    expect(await page.locator('.differences tbody th').allInnerTexts()).toEqual([
      'exploration.kernel',
      'exploration.eta',
      'prompts',
    ]);
    expect(await page.locator('.differences tr').nth(3).locator('td').allInnerTexts()).toEqual(['all', long]);
    expect(await page.locator('.differences tr').nth(2).locator('td').nth(1).innerText()).toBe('–');
    expect(await page.getByText('are the same in all runs').innerText()).toMatch(/^3 keys differ, \d+ are/);
  });

  it('sorts the evaluations and saves them', async () => {
    const page = await open('evaluation');
    await page.getByRole('button', { name: 'Run', exact: true }).click();
    await page.getByRole('button', { name: 'Run', exact: true }).click();
    expect(await page.locator('tbody tr').first().innerText()).toContain(ids[1]);
    await page.getByRole('button', { name: 'Save as CSV…' }).click();
    const [saved] = await view.sent('save');
    expect(String(saved.data)).toContain(`${ids[0]},`);
    expect(await page.locator('tbody tr').first().innerText()).toContain('+0.450');
  });

  it('plays the same prompt and seed of all runs in step', async () => {
    const page = await open('videos', { height: 1400 });
    await expect.poll(() => page.locator('.video-cell video.loaded').count(), slow).toBe(4);
    expect(await page.getByText('other seed').count()).toBe(0);
    expect(await page.locator('select').first().locator('option').allInnerTexts()).toEqual(prompts);
    await page.getByRole('button', { name: 'Play all' }).click();
    await expect.poll(async () => (await videosOn(page)).every(({ time }) => time > 0.1), slow).toBe(true);
    await page.getByRole('button', { name: 'Pause all' }).click();
    await page.getByRole('button', { name: 'Frame on' }).click();
    await expect.poll(async () => new Set((await videosOn(page)).map(({ frame }) => frame)).size, slow).toBe(1);
    await page.getByLabel('Iteration').first().selectOption('1');
    await expect
      .poll(async () => (await view.sent('ask')).at(-1)?.params, slow)
      .toEqual({
        run: ids[0],
        kind: 'evaluation',
        iteration: 1,
      });
    await page.getByLabel('Prompt').selectOption(prompts[3]);
    expect(await page.evaluate(() => 'hacked' in window)).toBe(false);
    expect(prompts[0]).toBe(hostile);
  });

  it('says when a run cannot be read, and asks again', async () => {
    let tries = 0;
    const host = compareHost(runs, ids);
    view = await openWebview({
      ...{ bundle, name: 'compare', files: runs },
      answer: (message, post) => {
        if (message.type === 'ready' && tries++ === 0)
          return post({
            type: 'problem',
            problem: { code: 'file/missing', message: 'run.json is missing.', remedy: 'Choose other runs.', place: {} },
          });
        return host(message, post);
      },
    });
    await view.page.getByText('run.json is missing.').waitFor();
    await view.page.getByRole('button', { name: 'Try Again' }).click();
    await view.page.getByText('Comparison of 2 runs').waitFor();
    await view.post({ type: 'connection', state: 'disconnected', message: 'It is started again in 4 s.' });
    await view.page.getByText('It is started again in 4 s.').waitFor();
  });

  it('opens the dashboard of a run', async () => {
    const page = await open('curves');
    await page.getByRole('button', { name: 'Open Dashboard' }).nth(1).click();
    expect(await view.sent('openDashboard')).toEqual([{ type: 'openDashboard', run: ids[1] }]);
  });

  it.each([
    ['curves', 'dark'],
    ['evaluation', 'light'],
    ['config', 'high-contrast'],
    ['videos', 'light'],
  ] as const)('has no serious fault of access: %s, %s', async (tab, theme) => {
    const page = await open(tab, { theme, width: 480 });
    await page.locator('.compare-tools').waitFor();
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(480);
    expect(await seriousFaults(page)).toEqual([]);
  });
});
