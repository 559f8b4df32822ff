/** A run whose every text is markup and control codes, from its folder through the engine into the webviews. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { openEventLog } from '../../engine/run/event-log.ts';
import type { EventBody } from '../../engine/run/events.ts';
import { runPaths } from '../../engine/run/folder.ts';
import { chromium, needs, needsChromium } from '../support/needs.ts';
import { evaluationEvent, iterationEvent } from '../unit/run/sample-run.ts';
import { bundleWebview } from './bundle.ts';
import { closeBrowser, openWebview, type WebviewPage } from './page.ts';
import { compareHost, dashboardHost } from './run-host.ts';
import { hostile, runsFolder, writeVideoRun } from './video-run.ts';

const tabs = ['health', 'reward', 'rollouts', 'gradients', 'drift', 'checkpoints', 'run'] as const;
/** With codes that colour and clear a terminal, and an end of what it might stand in. */
const evil = `\u001b[31m\u001b[2J"'</script></style>-->${hostile}`;
/** The same, told apart by where it stands. */
const at = (place: string) => `${place} ${evil}`;
/** What is seen: a page shows no control codes. */
const seen = async (view: WebviewPage) => withoutCodes(await view.page.locator('#root').innerText());
const withoutCodes = (text: string) => text.replaceAll('\u001b', '');

function spoilRecord(folder: string): void {
  const record = JSON.parse(readFileSync(runPaths(folder).run, 'utf8'));
  const { provenance, config } = record;
  const spoilt = {
    ...{ ...record, name: at('name'), message: at('message'), status: 'failed' },
    config: { ...config, [at('key')]: { [evil]: [at('value')] } },
    provenance: {
      ...provenance,
      versions: { [evil]: evil },
      commit: evil,
      host: at('host'),
      cpu: evil,
      devices: [evil],
    },
  };
  writeFileSync(runPaths(folder).run, JSON.stringify(spoilt));
}

async function spoilEvents(folder: string): Promise<void> {
  const log = await openEventLog(runPaths(folder).events);
  const components = { [at('component')]: 1, constructor: 2 };
  for (const iteration of [11, 12]) {
    log.append({ ...iterationEvent(iteration), components } as EventBody);
    log.append({ ...evaluationEvent(iteration, 0.5), components } as EventBody);
  }
  log.append({
    kind: 'warning',
    iteration: 12,
    code: 'train/unscored-videos',
    message: at('warning'),
    remedy: at('remedy'),
  });
  log.append({ kind: 'checkpoint', iteration: 12, folder: `../../${evil}`, reward: 1, best: true });
  log.append({ kind: 'control', iteration: 12, request: evil, by: evil });
  log.append({ kind: 'run_finished', iteration: 12, status: evil, message: evil });
  log.close();
}

function spoilCheckpoints(folder: string): void {
  const place = path.join(runPaths(folder).checkpoints, '000012');
  mkdirSync(place);
  // The reason why it is not valid repeats the name of the key.
  writeFileSync(path.join(place, 'manifest.json'), JSON.stringify({ v: 1, [at('manifest')]: evil }));
}

describe('a hostile run', () => {
  needs(chromium !== undefined, needsChromium);
  const runs = runsFolder();
  let run: string;
  let other: string;
  let view: WebviewPage | undefined;
  beforeAll(async () => {
    if (chromium === undefined) return;
    other = await writeVideoRun(runs);
    run = await writeVideoRun(runs, {}, 'hostile');
    const folder = path.join(runs, run);
    spoilRecord(folder);
    spoilCheckpoints(folder);
    await spoilEvents(folder);
  });
  afterEach(async () => {
    const page = view!.page;
    expect(await page.evaluate(() => 'hacked' in window)).toBe(false);
    expect(await page.locator('#root script, #root img[src="x"], #root [onerror]').count()).toBe(0);
    expect(view!.complaints).toEqual([]);
    await view!.close();
  });
  afterAll(closeBrowser);

  it('is text on every tab of its dashboard', async () => {
    const bundle = await bundleWebview('dashboard');
    view = await openWebview({ bundle, name: 'dashboard', files: runs, answer: dashboardHost(runs, run) });
    const { page } = view;
    const texts: Record<string, string> = {};
    for (const tab of tabs) {
      await page.locator(`#dashboard-tab-${tab}`).click();
      await page.getByRole('tabpanel').waitFor();
      if (tab === 'rollouts') await page.locator('.card').first().waitFor();
      texts[tab] = await seen(view);
      expect(await page.locator('#root script, #root img[src="x"]').count(), tab).toBe(0);
    }
    for (const tab of tabs) expect(texts[tab], tab).toContain(withoutCodes(at('name')));
    expect(texts.reward).toContain(withoutCodes(at('component')));
    expect(texts.rollouts).toContain(hostile);
    for (const place of ['warning', 'remedy', 'host', 'key'])
      expect(texts.run, place).toContain(withoutCodes(at(place)));
  });

  it('is text in a comparison', async () => {
    const bundle = await bundleWebview('compare');
    view = await openWebview({ bundle, name: 'compare', files: runs, answer: compareHost(runs, [run, other]) });
    await view.page.locator('canvas').first().waitFor();
    expect(await seen(view)).toContain(withoutCodes(at('component')));
    await view.page.getByRole('tab', { name: 'Config' }).click();
    await expect.poll(() => seen(view!)).toContain(withoutCodes(at('key')));
    await view.page.getByRole('tab', { name: 'Videos' }).click();
    await expect.poll(() => seen(view!)).toContain(hostile);
  });
});
