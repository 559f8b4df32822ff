import { appendFileSync, cpSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { parse } from 'csv-parse/sync';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { HealthFinding, RunView, RunViewChange, Series } from '../../engine/protocol.ts';
import { appendSeries, emptySeries, seriesOfIteration } from '../../engine/protocol/series.ts';
import { readSeries } from '../../engine/view/parts.ts';
import { formatNumber, formatWith } from '../../webview/charts/numbers.ts';
import { fromDashboard } from '../../webview/contract/dashboard.ts';
import { temporaryFolder, tinyConfig, trained } from '../e2e/support.ts';
import { chromium, needs, needsChromium } from '../support/needs.ts';
import { stamped } from '../unit/view/iterations.ts';
import { bundleWebview } from './bundle.ts';
import { closeBrowser, openWebview, themes, type PageOptions, type Sent, type WebviewPage } from './page.ts';
import { columns, observe, type ObservedRun } from './view-of.ts';

needs(chromium !== undefined, needsChromium);

const tabs = ['health', 'reward', 'rollouts', 'gradients', 'drift', 'checkpoints', 'run'] as const;
const iterations = 12;
let bundle: string;
let folder: string;
let run: ObservedRun;
let opened: WebviewPage[] = [];

beforeAll(async () => {
  if (chromium === undefined) return;
  bundle = await bundleWebview('dashboard');
  const place = temporaryFolder();
  const settings = { training: { iterations, micro_batch: 4 }, checkpoints: { every: 4, keep: 9 } };
  folder = await trained(tinyConfig(place, settings), path.join(place, 'runs'));
  run = await observe(folder);
});

afterEach(async () => {
  const complaints = opened.flatMap((each) => each.complaints);
  const wrong = (await Promise.all(opened.map(sentWrongly))).flat();
  await Promise.all(opened.map((each) => each.close()));
  opened = [];
  // What the security policy refuses ends in the console too.
  expect(complaints).toEqual([]);
  expect(wrong).toEqual([]);
});
afterAll(closeBrowser);

/** Messages that do not follow the contract. */
async function sentWrongly(webview: WebviewPage): Promise<Sent[]> {
  const all = await webview.page.evaluate(() => (window as unknown as { sentMessages: Sent[] }).sentMessages);
  return all.filter((message) => !fromDashboard.safeParse(message).success);
}

async function open(options: Partial<PageOptions> = {}): Promise<WebviewPage> {
  const webview = await openWebview({ bundle, name: 'dashboard', ...options });
  opened.push(webview);
  return webview;
}

const setup = (trusted = true) => ({ type: 'setup', version: 1, run: run.summary.id, autoplay: false, trusted });
const connected = { type: 'connection', state: 'connected', message: null };

/** A dashboard with all that the host sends of a run. */
async function show(view: RunView = run.view, options: Partial<PageOptions> & { trusted?: boolean } = {}) {
  const webview = await open(options);
  for (const message of [
    setup(options.trusted),
    connected,
    { type: 'summary', summary: run.summary },
    { type: 'view', view },
  ])
    await webview.post(message);
  await webview.page.getByRole('tab', { name: 'Reward' }).waitFor();
  return webview;
}

const goTo = ({ page }: WebviewPage, tab: (typeof tabs)[number]) => page.locator(`#dashboard-tab-${tab}`).click();
const chartOf = ({ page }: WebviewPage, id: string) => page.locator(`#chart-${id}`);
const announced = ({ page }: WebviewPage) => page.locator('[data-live]');

async function lastSent(webview: WebviewPage, type: string, count = 1): Promise<Sent> {
  await expect.poll(async () => (await webview.sent(type)).length).toBeGreaterThanOrEqual(count);
  return (await webview.sent(type)).at(-1)!;
}

async function exported(webview: WebviewPage, chart: string, entry: RegExp): Promise<Sent> {
  const before = (await webview.sent('save')).length;
  await chartOf(webview, chart).getByRole('button', { name: 'Export' }).click();
  await chartOf(webview, chart).getByRole('menuitem', { name: entry }).click();
  return lastSent(webview, 'save', before + 1);
}

async function csvRows(
  webview: WebviewPage,
  chart: string,
): Promise<{ headings: string[]; rows: (number | null)[][] }> {
  const { data, format } = await exported(webview, chart, /CSV/);
  expect(format).toBe('csv');
  const [headings, ...rows] = parse(String(data)) as string[][];
  return { headings, rows: rows.map((row) => row.map((cell) => (cell === '' ? null : Number(cell)))) };
}

const withStatus = (view: RunView, status: 'running' | 'paused' | 'crashed'): RunView => ({
  ...structuredClone(view),
  glance: { ...view.glance, status },
  secondsLeft: status === 'running' ? 150 : null,
});

describe('the header', () => {
  test('says what the run is, how far it is and how fast', async () => {
    const { page } = await show(withStatus(run.view, 'running'));
    const text = await page.locator('header').innerText();
    const { glance, videosPerSecond } = run.view;
    expect(await page.getByRole('heading', { level: 1 }).innerText()).toBe(run.summary.name);
    for (const part of [
      'Running',
      `Iteration ${iterations} of ${iterations}`,
      '2 min 30 s left',
      formatNumber(glance.reward),
    ])
      expect(text).toContain(part);
    expect(text).toContain(`${formatNumber(videosPerSecond)} videos/s`);
    expect(text).toContain(`${formatNumber(glance.secondsPerIteration)} s`);
    expect(text).toContain(run.summary.provenance.host);
    expect(await page.locator('header progress').getAttribute('value')).toBe(String(iterations));
  });

  test('steers the run: each button where it makes sense, one action at a time', async () => {
    const webview = await show(withStatus(run.view, 'running'));
    const { page } = webview;
    await page.getByRole('button', { name: 'Pause' }).click();
    expect(await lastSent(webview, 'action')).toMatchObject({ action: 'pause' });
    await webview.post({ type: 'busy', action: 'pause' });
    await page.locator('header [aria-busy=true]').waitFor();
    await page.getByRole('button', { name: 'Stop' }).click({ force: true });
    expect(await webview.sent('action')).toHaveLength(1);
    await webview.post({ type: 'busy', action: null });
    await webview.post({ type: 'view', view: withStatus(run.view, 'paused') });
    await page.getByRole('button', { name: 'Continue' }).click();
    await webview.post({ type: 'view', view: withStatus(run.view, 'crashed') });
    await page.getByRole('button', { name: 'Resume' }).click();
    await page.getByRole('button', { name: 'More' }).click();
    expect(await page.getByRole('menuitem', { name: 'Kill Trainer' }).getAttribute('aria-disabled')).toBe('true');
    await page.getByRole('menuitem', { name: 'Open Report' }).click();
    expect((await webview.sent('action')).map(({ action }) => action)).toEqual([
      'pause',
      'continue',
      'resume',
      'report',
    ]);
  });

  test('in Restricted Mode nothing can be steered, and it says so', async () => {
    const webview = await show(withStatus(run.view, 'running'), { trusted: false });
    await expect.poll(() => webview.page.getByText('Restricted Mode').count()).toBe(1);
    for (const name of ['Pause', 'Checkpoint Now', 'Stop'])
      expect(await webview.page.getByRole('button', { name }).getAttribute('aria-disabled')).toBe('true');
    await webview.page.getByRole('button', { name: 'Stop' }).click({ force: true });
    expect(await webview.sent('action')).toEqual([]);
  });
});

describe('each tab shows the numbers of the run', () => {
  const last = (name: string) => run.view.series.scalars[name].mean.at(-1);

  test('Reward: the mean, the evaluation and the components, each in its legend and in the table behind', async () => {
    const webview = await show();
    await goTo(webview, 'reward');
    const legend = await chartOf(webview, 'reward').locator('.chart-legend').innerText();
    expect(legend).toContain(formatNumber(last('reward')));
    expect(legend).toContain(formatNumber(run.view.evaluations.at(-1)!.reward));
    const components = await chartOf(webview, 'components').locator('.chart-legend').innerText();
    for (const name of ['VQ', 'MQ', 'TA']) expect(components).toContain(formatNumber(last(`component:${name}`)));
    await chartOf(webview, 'reward').getByRole('button', { name: 'Show as table' }).click();
    const rows = chartOf(webview, 'reward').locator('tbody tr');
    // Newest first; and one for the evaluation before training.
    expect(await rows.count()).toBe(iterations + 1);
    expect(await rows.first().innerText()).toContain(formatNumber(last('reward'), 4));
  });

  test('Reward: saved as CSV, the series is that of the engine to the last digit', async () => {
    const webview = await show();
    await goTo(webview, 'reward');
    const { headings, rows } = await csvRows(webview, 'reward');
    expect(headings.slice(0, 3)).toEqual(['First iteration', 'Last iteration', 'Rollouts, mean']);
    const means = rows.filter((row) => row[2] !== null).map((row) => row[2]);
    expect(means).toEqual(run.view.series.scalars.reward.mean);
    const evaluations = rows.filter((row) => row.at(-1) !== null).map((row) => [row[0], row.at(-1)]);
    expect(evaluations).toEqual(run.view.evaluations.map(({ iteration, reward }) => [iteration, reward]));
  });

  test('a chart is saved as SVG drawn from the data, and as PNG', async () => {
    const webview = await show();
    await goTo(webview, 'reward');
    const svg = await exported(webview, 'reward', /SVG/);
    expect(svg.name).toBe(`${run.summary.id}-reward.svg`);
    expect(String(svg.data)).toMatch(/^<svg [\s\S]*<polyline/);
    expect(String(svg.data)).not.toContain('<image');
    const png = await exported(webview, 'reward', /PNG/);
    expect(Buffer.from(String(png.data), 'base64').subarray(1, 4).toString()).toBe('PNG');
    await goTo(webview, 'gradients');
    expect(String((await exported(webview, 'gradientNormRaw', /SVG/)).data)).toContain('fill="#');
  });

  test('Gradients: the heat maps hold every measured norm, and the chosen iteration its steps', async () => {
    const webview = await show();
    await goTo(webview, 'gradients');
    const { steps, stepValues } = run.view.series;
    const { headings, rows } = await csvRows(webview, 'gradientNormRaw');
    expect(headings.slice(2)).toEqual(steps.map((k) => `Step ${k}`));
    expect(rows.map((row) => row.slice(2))).toEqual(
      run.view.series.first.map((_, column) => stepValues.gradientNormRaw.map((row) => row[column])),
    );
    await webview.page.getByRole('slider', { name: 'Iteration' }).focus();
    await webview.page.keyboard.press('Home');
    const chosen = await csvRows(webview, 'steps');
    const explored = steps.map((k, row) => [k, stepValues.gradientNormRaw[row][0], stepValues.gradientNorm[row][0]]);
    expect(chosen.rows.map((row) => row.slice(0, 3))).toEqual(explored.filter(([, norm]) => norm !== null));
  });

  test('Manifold drift: drift, KL and the true distance', async () => {
    const webview = await show();
    await goTo(webview, 'drift');
    expect(await chartOf(webview, 'drift').locator('.chart-legend').innerText()).toContain(
      formatNumber(last('driftReference')),
    );
    expect(await chartOf(webview, 'kl').locator('.chart-legend').innerText()).toContain(formatNumber(last('beta')));
    expect(await chartOf(webview, 'true-distance').locator('.chart-legend').innerText()).toContain(
      formatNumber(last('distance')),
    );
    const { rows } = await csvRows(webview, 'driftReference');
    expect(rows).toHaveLength(iterations);
  });

  test('Checkpoints: sortable, each can be resumed from, revealed and copied', async () => {
    const webview = await show();
    await goTo(webview, 'checkpoints');
    const rows = webview.page.locator('tbody tr');
    const order = async () => (await rows.locator('td:first-child').allInnerTexts()).map(Number);
    const known = run.view.checkpoints.map(({ iteration }) => iteration).sort((a, b) => a - b);
    expect(known.length).toBeGreaterThan(1);
    expect(await order()).toEqual(known.toReversed());
    await webview.page.getByRole('button', { name: 'Iteration', exact: true }).click();
    expect(await order()).toEqual(known);
    expect(await webview.page.getByRole('columnheader', { name: 'Iteration' }).getAttribute('aria-sort')).toBe(
      'ascending',
    );
    await webview.page.getByRole('button', { name: `Resume from iteration ${known[0]}` }).click();
    expect(await lastSent(webview, 'action')).toEqual({ type: 'action', action: 'resume', iteration: known[0] });
    await webview.page.getByRole('button', { name: `Copy path of checkpoint ${known[0]}` }).click();
    const { text } = await lastSent(webview, 'copy');
    expect(text).toBe(run.view.checkpoints.find(({ iteration }) => iteration === known[0])!.folder);
  });

  test('Run: the config can be searched', async () => {
    const webview = await show();
    await goTo(webview, 'run');
    await webview.page.getByRole('searchbox').fill('micro batch');
    const rows = webview.page.locator('tbody tr');
    await expect.poll(() => rows.count()).toBe(1);
    expect(await rows.innerText()).toContain('training.micro_batch');
    expect(await rows.innerText()).toContain('4');
  });

  test('Health: each finding with its evidence and remedy leads to the chart it is about', async () => {
    const finding: HealthFinding = {
      ...{
        code: 'health/gradient-imbalance',
        severity: 'warning',
        title: 'A few steps dominate.',
        evidence: '40 times',
      },
      ...{ why: 'Others do not learn.', remedy: 'Turn the equalizer on.', key: 'equalizer.mode' },
      ...{ first: 3, last: 9, steps: [0, 8] },
    };
    const webview = await show({ ...run.view, health: [finding] });
    const item = webview.page.getByRole('listitem').first();
    const text = await item.innerText();
    for (const part of [
      'Warning',
      'iterations 3 to 9, steps 0, 8',
      '40 times',
      'Others do not learn.',
      'Turn the equalizer on.',
      'equalizer.mode: ',
    ])
      expect(text).toContain(part);
    await item.getByRole('button', { name: 'Show Imbalance' }).click();
    await expect.poll(() => webview.page.evaluate(() => document.activeElement?.id)).toBe('chart-imbalance');
  });

  test('Health: without findings it says what was looked for', async () => {
    const { page } = await show({ ...run.view, health: [] });
    expect(await page.getByRole('tabpanel').innerText()).toContain('No problems found');
    expect(await page.getByRole('tabpanel').getByRole('listitem').count()).toBe(13);
  });
});

describe('states', () => {
  test('it first says that it listens, shows that it connects, then that it reads', async () => {
    const webview = await open();
    expect(await webview.sent('ready')).toEqual([{ type: 'ready', version: 1 }]);
    expect(await webview.page.getByRole('status').innerText()).toContain('Connecting');
    await webview.post(connected);
    await expect.poll(() => webview.page.getByRole('status').innerText()).toContain('Reading the run');
  });

  test('before the first iteration it says what happens now', async () => {
    const empty = { ...withStatus(run.view, 'running'), series: emptySeries(), evaluations: [], anchors: [] };
    const webview = await show(empty);
    for (const tab of ['reward', 'gradients', 'drift'] as const) {
      await goTo(webview, tab);
      expect(await webview.page.getByRole('tabpanel').innerText()).toContain('The first iteration is being trained');
    }
  });

  test('a run that cannot be read is said with its place and remedy, and can be tried again', async () => {
    const webview = await open();
    const problem = {
      code: 'events/corrupt',
      message: 'Line 3 is no event.',
      remedy: 'Restore it.',
      place: { file: '/r/events.jsonl', line: 3 },
    };
    await webview.post({ type: 'problem', problem });
    const alert = webview.page.getByRole('alert');
    await alert.waitFor();
    for (const part of ['Line 3 is no event.', 'Restore it.', '/r/events.jsonl:3'])
      expect(await alert.innerText()).toContain(part);
    await alert.getByRole('button', { name: 'Try Again' }).click();
    expect(await webview.sent('ready')).toHaveLength(2);
  });

  test('without an engine, what was there stays, under a line that says it may be old', async () => {
    const webview = await show(withStatus(run.view, 'running'));
    await webview.post({ type: 'connection', state: 'disconnected', message: 'It is started again in 4 s.' });
    await expect.poll(() => webview.page.getByText('may be old. It is started again in 4 s.').count()).toBe(1);
    expect(await webview.page.getByRole('button', { name: 'Pause' }).getAttribute('aria-disabled')).toBe('true');
  });

  test('a message that does not follow the contract is said, not drawn', async () => {
    const webview = await open();
    await webview.post({ type: 'view', view: { series: 3 } });
    await expect.poll(() => webview.page.getByRole('alert').count()).toBe(1);
    expect(await webview.page.getByRole('alert').innerText()).toContain('view.');
  });

  test('what was chosen is there again when the panel is restored', async () => {
    const before = await show();
    await goTo(before, 'reward');
    await before.page.getByRole('slider', { name: 'Smoothing' }).focus();
    await before.page.keyboard.press('End');
    await chartOf(before, 'reward').getByRole('button', { name: 'log', exact: true }).click();
    await before.page.getByRole('button', { name: 'Zoom in' }).click();
    const state = await before.state();
    expect(state).toMatchObject({ run: run.summary.id });
    const after = await show(run.view, { state });
    expect(await after.page.getByRole('tab', { selected: true }).innerText()).toBe('Reward');
    expect(await after.page.getByRole('slider', { name: 'Smoothing' }).inputValue()).toBe('0.98');
    expect(
      await chartOf(after, 'reward').getByRole('button', { name: 'log', exact: true }).getAttribute('aria-pressed'),
    ).toBe('true');
    expect(await after.page.locator('.zoom-text').innerText()).toBe(
      await before.page.locator('.zoom-text').innerText(),
    );
  });
});

describe('a run that goes on', () => {
  test('what the engine tells later is added to what is shown', async () => {
    const log = readFileSync(path.join(folder, 'events.jsonl'), 'utf8').split('\n');
    const middle = log.findIndex((line) => line.includes('"kind":"iteration"') && line.includes('"iteration":6,')) + 1;
    const copy = path.join(temporaryFolder(), path.basename(folder));
    cpSync(folder, copy, { recursive: true });
    writeFileSync(path.join(copy, 'events.jsonl'), `${log.slice(0, middle).join('\n')}\n`);
    const live = await observe(copy);
    const webview = await show(live.view);
    await goTo(webview, 'reward');
    expect((await csvRows(webview, 'reward')).rows.at(-1)![0]).toBe(6);
    appendFileSync(path.join(copy, 'events.jsonl'), log.slice(middle).join('\n'));
    await webview.post({ type: 'change', change: await live.next() });
    await expect
      .poll(() => chartOf(webview, 'reward').locator('.chart-at').innerText())
      .toBe(`iteration ${iterations}`);
    const whole = (await csvRows(webview, 'reward')).rows.filter((row) => row[2] !== null);
    expect(whole.map((row) => row[2])).toEqual(run.view.series.scalars.reward.mean);
    await goTo(webview, 'gradients');
    expect((await csvRows(webview, 'gradientNorm')).rows).toHaveLength(iterations);
  });

  test('of 10,000 iterations it keeps a bounded number of columns, none of them lost, and asks for finer ones when zoomed in', async () => {
    const answer: PageOptions['answer'] = async ({ type, id, params }, post) => {
      const { first, last } = (params ?? {}) as { first: number; last: number };
      if (type === 'ask') await post({ type: 'answer', id, result: seriesBetween(first, last) });
    };
    const webview = await show(viewOf(1, 1), { answer });
    await goTo(webview, 'reward');
    for (let first = 2; first <= 10_000; first += 100)
      await webview.post({
        type: 'change',
        change: viewOf(first, Math.min(10_000, first + 99)) satisfies RunViewChange,
      });
    await expect
      .poll(() => chartOf(webview, 'reward').locator('.chart-at').innerText(), { timeout: 60_000 })
      .toContain('10000');
    const { rows } = await csvRows(webview, 'reward');
    expect(rows.length).toBeGreaterThan(columns / 2);
    expect(rows.length).toBeLessThanOrEqual(2 * columns);
    expect(rows[0][0]).toBe(1);
    rows.slice(1).forEach((row, i) => expect(row[0]).toBe(rows[i][1]! + 1));

    for (let i = 0; i < 5; i++) await webview.page.getByRole('button', { name: 'Zoom in' }).click();
    // Of a slow hand's zooms each asks; what counts is the last.
    await expect
      .poll(async () => (await csvRows(webview, 'reward')).rows.map(([from]) => from), { timeout: 30_000 })
      .toEqual(await iterationsShown(webview));
    expect(await lastSent(webview, 'ask')).toMatchObject({ question: 'series', params: { columns } });
    await webview.page.getByRole('button', { name: 'Show all' }).click();
    expect((await csvRows(webview, 'reward')).rows).toEqual(rows);
  });

  test('the series that it asks for is what the engine has', async () => {
    const finer = await readSeries(folder, { first: 2, last: 5, columns }, null);
    expect(finer.first).toEqual([2, 3, 4, 5]);
    expect(finer.scalars.reward.mean).toEqual(run.view.series.scalars.reward.mean.slice(1, 5));
  });
});

/** As the bar above the charts says. */
async function iterationsShown({ page }: WebviewPage): Promise<number[]> {
  const [, first, last] = /(\d+)–(\d+)/.exec(await page.locator('.zoom-text').innerText())!.map(Number);
  return Array.from({ length: last - first + 1 }, (_, i) => first + i);
}

/** Series of made-up iterations. */
function seriesBetween(first: number, last: number): Series {
  const series = emptySeries();
  for (let iteration = first; iteration <= last; iteration++)
    appendSeries(series, seriesOfIteration(stamped(iteration)));
  return series;
}

function viewOf(first: number, last: number): RunView {
  const glance = { ...run.view.glance, status: 'running' as const, iterations: last, iterationsPlanned: 10_000 };
  return { ...run.view, glance, evaluations: [], anchors: [], written: [], series: seriesBetween(first, last) };
}

describe('by keyboard', () => {
  test('tabs are one stop, and arrow keys go around in them', async () => {
    const { page } = await show();
    await page.getByRole('tab', { selected: true }).focus();
    for (const [key, name] of [
      ['ArrowRight', 'Reward'],
      ['ArrowLeft', 'Health'],
      ['ArrowLeft', 'Run'],
      ['Home', 'Health'],
      ['End', 'Run'],
    ]) {
      await page.keyboard.press(key);
      expect(await page.getByRole('tab', { selected: true }).innerText()).toContain(name);
      expect(await page.evaluate(() => document.activeElement?.getAttribute('aria-selected'))).toBe('true');
    }
    expect(await page.locator('[role=tab][tabindex="0"]').count()).toBe(1);
  });

  test('a chart reads its values aloud and zooms; the crosshair of all charts follows', async () => {
    const webview = await show();
    await goTo(webview, 'reward');
    const plot = chartOf(webview, 'reward').getByRole('application');
    await plot.focus();
    await webview.page.keyboard.press('ArrowRight');
    await webview.page.keyboard.press('ArrowRight');
    const { reward } = run.view.series.scalars;
    await expect
      .poll(() => announced(webview).innerText())
      .toContain(`iteration 2: Rollouts, mean ${formatNumber(reward.mean[1])}`);
    expect(await chartOf(webview, 'components').locator('.chart-at').innerText()).toBe('iteration 2');
    await webview.page.keyboard.press('+');
    await expect.poll(() => webview.page.locator('.zoom-text').innerText()).not.toBe(`Iterations 0–${iterations}`);
    await webview.page.keyboard.press('0');
    await expect.poll(() => webview.page.locator('.zoom-text').innerText()).toBe(`Iterations 0–${iterations}`);
  });

  test('a heat map reads its cells aloud and chooses an iteration', async () => {
    const webview = await show();
    await goTo(webview, 'gradients');
    await chartOf(webview, 'gradientNorm').getByRole('application').focus();
    for (const key of ['ArrowRight', 'ArrowRight', 'ArrowDown']) await webview.page.keyboard.press(key);
    const { steps, stepValues } = run.view.series;
    const value = stepValues.gradientNorm[1][1];
    const said = value === null ? 'not explored' : `norm ${formatWith(value, '')}`;
    await expect.poll(() => announced(webview).innerText()).toBe(`Step ${steps[1]}, iteration 2: ${said}`);
    await webview.page.keyboard.press('Enter');
    await expect.poll(() => webview.page.getByRole('slider', { name: 'Iteration' }).inputValue()).toBe('2');
  });

  test('dragging over a chart zooms in on all', async () => {
    const webview = await show();
    await goTo(webview, 'reward');
    const box = (await chartOf(webview, 'reward').locator('.u-over').boundingBox())!;
    await webview.page.mouse.move(box.x + box.width / 4, box.y + 50);
    await webview.page.mouse.down();
    await webview.page.mouse.move(box.x + box.width / 2, box.y + 60, { steps: 4 });
    await webview.page.mouse.up();
    await expect
      .poll(() => webview.page.locator('.zoom-text').innerText())
      .toBe(`Iterations ${iterations / 4}–${iterations / 2}`);
    await webview.page.mouse.dblclick(box.x + box.width / 2, box.y + 50);
    await expect.poll(() => webview.page.locator('.zoom-text').innerText()).toBe(`Iterations 0–${iterations}`);
  });

  test('a line is turned off and on in the legend', async () => {
    const webview = await show();
    await goTo(webview, 'reward');
    const entry = chartOf(webview, 'components').getByRole('button', { name: 'VQ' });
    await entry.click();
    expect(await entry.getAttribute('aria-pressed')).toBe('false');
    const svg = String((await exported(webview, 'components', /SVG/)).data);
    expect(svg).not.toContain('>VQ<');
    expect(svg).toContain('>MQ<');
  });
});

test('hostile names are text', async () => {
  const evil = '<img src=x onerror="window.evil=1"><script>window.evil=1</script>';
  const view = structuredClone(run.view);
  view.glance.name = evil;
  view.glance.message = evil;
  for (const kind of [evil, '__proto__', 'constructor'])
    view.series.scalars[`component:${kind}`] = view.series.scalars.reward;
  view.checkpoints.push({ ...view.checkpoints[0], iteration: 99, valid: false, reason: evil, folder: evil });
  view.health.push({
    ...{
      code: 'health/reward-flat',
      severity: 'problem',
      title: evil,
      evidence: evil,
      why: evil,
      remedy: evil,
      key: evil,
    },
    ...{ first: 1, last: 2, steps: [] },
  });
  const webview = await show(view);
  await webview.post({
    type: 'summary',
    summary: {
      ...run.summary,
      config: { [evil]: { ['__proto__x']: evil } },
      warnings: [{ code: 'train/unscored-videos', message: evil, remedy: evil, count: 1, iteration: 1 }],
    },
  });
  for (const tab of tabs) {
    await goTo(webview, tab);
    await webview.page.getByRole('tabpanel').waitFor();
    expect(await webview.page.locator('#root img[src=x], #root script').count()).toBe(0);
  }
  await goTo(webview, 'reward');
  expect(await chartOf(webview, 'components').innerText()).toContain(evil);
  expect(await webview.page.evaluate(() => 'evil' in window)).toBe(false);
});

describe('for everybody', () => {
  const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

  test.each(themes)('axe finds no serious violation on any tab in the %s theme', async (theme) => {
    const finding = {
      code: 'health/clip-fraction',
      severity: 'warning',
      title: 'T',
      evidence: 'E',
      why: 'W',
      remedy: 'R',
      key: null,
      first: 1,
      last: 2,
      steps: [],
    } as const;
    const webview = await show({ ...withStatus(run.view, 'running'), health: [{ ...finding, steps: [] }] }, { theme });
    await webview.page.evaluate(axe);
    for (const tab of tabs) {
      await goTo(webview, tab);
      const violations = await webview.page.evaluate(async () => {
        const { violations } = await (
          window as unknown as { axe: { run(): Promise<{ violations: Violation[] }> } }
        ).axe.run();
        return violations.map(({ id, impact, nodes }) => ({
          id,
          impact,
          at: nodes.map(({ html, failureSummary }) => `${html} ${failureSummary}`),
        }));
      });
      const serious = violations.filter(({ impact }) => impact === 'serious' || impact === 'critical');
      expect(serious, tab).toEqual([]);
    }
  });

  test('nothing overflows a panel of 480 pixels', async () => {
    const webview = await show(withStatus(run.view, 'running'), { width: 480 });
    for (const tab of tabs) {
      await goTo(webview, tab);
      await webview.page.waitForTimeout(100);
      expect(await webview.page.evaluate(() => document.documentElement.scrollWidth), tab).toBeLessThanOrEqual(480);
    }
  });

  test('charts are drawn anew in the colours of another theme', async () => {
    const webview = await show();
    await goTo(webview, 'reward');
    const picture = () =>
      chartOf(webview, 'reward')
        .locator('canvas')
        .evaluate((canvas) => (canvas as HTMLCanvasElement).toDataURL());
    const dark = await picture();
    await webview.setTheme('light');
    await expect.poll(picture).not.toBe(dark);
    await webview.setTheme('dark');
    await expect.poll(picture).toBe(dark);
  });

  test('with forced colours and reduced motion it shows the same, and nothing spins', async () => {
    const webview = await show(withStatus(run.view, 'running'), { forcedColors: true, reducedMotion: true });
    await goTo(webview, 'reward');
    const spinning = webview.page.locator('header .codicon-modifier-spin');
    expect(await spinning.evaluate((icon) => getComputedStyle(icon).animationName)).toBe('none');
    expect(await chartOf(webview, 'reward').locator('canvas').count()).toBe(1);
  });
});

interface Violation {
  id: string;
  impact: string;
  nodes: { html: string; failureSummary: string }[];
}
