import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { openEventLog, type EventLog } from '../../engine/run/event-log.ts';
import { runPaths } from '../../engine/run/folder.ts';
import { chromium, needs, needsChromium } from '../support/needs.ts';
import { iterationEvent, newRun } from '../unit/run/sample-run.ts';
import { bundleWebview } from './bundle.ts';
import { closeBrowser, openWebview, type WebviewPage } from './page.ts';
import { columns, observe, type ObservedRun } from './view-of.ts';

needs(chromium !== undefined, needsChromium);

const charted = { reward: 'reward', gradients: 'gradientNorm', drift: 'driftReference' } as const;
let bundle: string;
let opened: WebviewPage[] = [];
let log: EventLog | undefined;

beforeAll(async () => {
  if (chromium !== undefined) bundle = await bundleWebview('dashboard');
});
afterEach(async () => {
  log?.close();
  await Promise.all(opened.map((each) => each.close()));
  opened = [];
});
afterAll(closeBrowser);

/** Shows each tab and counts what is in the document; the last one shown is the first. */
async function countNodes({ page }: WebviewPage): Promise<number> {
  let nodes = 0;
  for (const [tab, chart] of [...Object.entries(charted), ['health', null]] as const) {
    await page.locator(`#dashboard-tab-${tab}`).click();
    if (chart !== null) await page.locator(`#chart-${chart} canvas`).first().waitFor();
    nodes = Math.max(nodes, await page.evaluate(() => document.getElementsByTagName('*').length));
  }
  return nodes;
}

/** Columns of the reward as the page has them. */
async function countColumns({ page, sent }: WebviewPage): Promise<number> {
  await page.locator('#dashboard-tab-reward').click();
  const before = (await sent('save')).length;
  await page.locator('#chart-reward').getByRole('button', { name: 'Export' }).click();
  await page.locator('#chart-reward').getByRole('menuitem', { name: /CSV/ }).click();
  await expect.poll(async () => (await sent('save')).length).toBe(before + 1);
  const { data } = (await sent('save')).at(-1)!;
  return String(data).trim().split('\n').length - 1;
}

/** A run that has done 100 of 4,000 iterations. */
async function begin() {
  const folder = await newRun({ training: { iterations: 4000 } });
  log = await openEventLog(runPaths(folder).events);
  const iterate = (first: number, last: number) => {
    for (let iteration = first; iteration <= last; iteration++) log!.append(iterationEvent(iteration));
  };
  iterate(1, 100);
  return { folder, iterate, run: await observe(folder) };
}

/** A dashboard of a run as it is. */
async function show({ summary, view }: ObservedRun): Promise<WebviewPage> {
  const webview = await openWebview({ bundle, name: 'dashboard', height: 400 });
  opened.push(webview);
  for (const message of [
    { type: 'setup', version: 1, run: summary.id, autoplay: false, trusted: true },
    { type: 'connection', state: 'connected', message: null },
    { type: 'summary', summary },
    { type: 'view', view },
  ])
    await webview.post(message);
  return webview;
}

test('a dashboard that is open for thousands of iterations does not grow', async () => {
  const { iterate, run } = await begin();
  const webview = await show(run);
  const nodes: number[] = [];
  for (let done = 100; done < 4000; done += 100) {
    iterate(done + 1, done + 100);
    await webview.post({ type: 'change', change: await run.next() });
    if ((done + 100) % 2000 !== 0) continue;
    await webview.page.getByText(`Iteration ${done + 100} of 4000`).waitFor();
    nodes.push(await countNodes(webview));
    expect(await countColumns(webview)).toBeLessThanOrEqual(2 * columns);
  }
  // Axes have a tick more or less.
  for (const later of nodes.slice(1)) expect(Math.abs(later - nodes[0])).toBeLessThan(20);
  expect(webview.complaints).toEqual([]);
});

test.each([
  ['gradients', '#chart-first-replay canvas'],
  ['drift', '#chart-driftReference .heat-cells canvas'],
])('a chart of %s that was scrolled away while the run went on is as new when it is back', async (tab, canvas) => {
  const { folder, iterate, run } = await begin();
  const webview = await show(run);
  const picture = ({ page }: WebviewPage) =>
    page.locator(canvas).evaluate((found) => (found as HTMLCanvasElement).toDataURL());
  const scroll = ({ page }: WebviewPage, to: number) => page.evaluate((top) => window.scrollTo(0, top), to);
  await webview.page.locator(`#dashboard-tab-${tab}`).click();
  await webview.page.locator(canvas).waitFor();
  const before = await picture(webview);
  const far = await webview.page.evaluate(() => document.documentElement.scrollHeight);
  await scroll(webview, tab === 'gradients' ? 0 : far);
  iterate(101, 200);
  await webview.post({ type: 'change', change: await run.next() });
  await webview.page.getByText('Iteration 200 of 4000').waitFor();

  const fresh = await show(await observe(folder));
  await fresh.page.locator(`#dashboard-tab-${tab}`).click();
  await fresh.page.locator(canvas).scrollIntoViewIfNeeded();
  await webview.page.locator(canvas).scrollIntoViewIfNeeded();
  await expect.poll(async () => (await picture(webview)) === (await picture(fresh)), { timeout: 20_000 }).toBe(true);
  expect(await picture(webview)).not.toBe(before);
});
