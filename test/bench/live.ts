/** What a dashboard costs while its run goes on ten times a second. */
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { runPaths } from '../../engine/run/folder.ts';
import { takeLock } from '../../engine/run/lock.ts';
import { chromium, needsChromium } from '../support/needs.ts';
import { openLongLog, type LongLog } from './inspect.ts';
import { withDashboard } from './open.ts';
import { chartTabs, startHost, type BenchHost, type DashboardTab, type HostedPage } from './shown.ts';
import { makeRun, sampleWithSteps, withRuns } from './view.ts';

/** CPU seconds in a second: shares of one core. */
export interface LiveShares {
  /** The page's main thread, and all of its process. */
  page: number;
  pageProcess: number;
  host: number;
  engine: number;
}

export interface LiveResult {
  iterations: number;
  steps: number;
  /** Iterations a second. */
  rate: number;
  seconds: number;
  /** Times that the page was drawn anew in a second. */
  drawings: Record<DashboardTab, number>;
  /** By the tab that is shown: the cost with the run going on, less that of the same with it at rest. */
  tabs: Record<DashboardTab, LiveShares>;
}

const rate = 10;

/** CPU seconds so far. */
async function usageOf(page: HostedPage, host: BenchHost): Promise<LiveShares> {
  const { metrics } = await page.cdp.send('Performance.getMetrics');
  const metric = (name: string) => metrics.find((each) => each.name === name)!.value;
  return { page: metric('ThreadTime'), pageProcess: metric('ProcessTime'), ...(await host.usage()) };
}

/** Shares of one core over some seconds in which something is done. */
async function sharesWhile(page: HostedPage, host: BenchHost, work: () => Promise<void>): Promise<LiveShares> {
  const [before, started] = [await usageOf(page, host), performance.now()];
  await work();
  const [after, ended] = [await usageOf(page, host), performance.now()];
  const share = (name: keyof LiveShares) => (after[name] - before[name]) / ((ended - started) / 1000);
  return { page: share('page'), pageProcess: share('pageProcess'), host: share('host'), engine: share('engine') };
}

/** Writes an iteration each tenth of a second. @returns the number of the last one */
async function goOn(log: LongLog, from: number, seconds: number): Promise<number> {
  const started = performance.now();
  for (let i = 0; i < seconds * rate; i++) {
    await sleep(Math.max(0, started + (1000 * i) / rate - performance.now()));
    log.write(from + i, from + i);
  }
  return from + seconds * rate;
}

/** Counts from now on how often the page is drawn anew, which shows in the text of its progress. */
const countDrawings = ({ page }: HostedPage) =>
  page.evaluate(() => {
    const counted = window as unknown as { drawings?: number };
    if (counted.drawings === undefined)
      new MutationObserver(() => (counted.drawings! += 1)).observe(document.querySelector('.run-progress p')!, {
        characterData: true,
        subtree: true,
      });
    counted.drawings = 0;
  });
const drawingsOf = ({ page }: HostedPage) => page.evaluate(() => (window as unknown as { drawings: number }).drawings);

/**
 * Shows a run that has done some iterations and goes on ten times a second, each tab for some seconds. Processor time of
 * each part is read where the part runs: the page's main thread (`ThreadTime`), the extension host's side, the engine.
 * @returns why not, where it cannot
 */
export async function measureLive(iterations: number, steps: number, seconds: number): Promise<LiveResult | string> {
  if (chromium === undefined) return needsChromium;
  if (process.platform !== 'linux') return 'needs Linux, whose /proc tells the processor time of processes';
  const sample = await sampleWithSteps(steps);
  return withRuns(async (runs) => {
    const folder = await makeRun(runs, 10_000_000, 'running');
    const lock = await takeLock(folder);
    const log = await openLongLog(runPaths(folder).events, sample);
    log.write(1, iterations);
    const tabs: Partial<LiveResult['tabs']> = {};
    const drawings: Partial<LiveResult['drawings']> = {};
    await withDashboard(async (bundle) => {
      const host = await startHost(runs, path.basename(folder));
      try {
        const page = await host.openPage(bundle);
        let next = iterations + 1;
        for (const [i, tab] of chartTabs.entries()) {
          await page.painted(tab, i > 0);
          // What is slow at first is compiled by then.
          next = await goOn(log, next, 3);
          await sleep(3000);
          const idle = await sharesWhile(page, host, () => sleep(1000 * seconds));
          await countDrawings(page);
          const live = await sharesWhile(page, host, async () => void (next = await goOn(log, next, seconds)));
          drawings[tab] = (await drawingsOf(page)) / seconds;
          tabs[tab] = {
            page: live.page - idle.page,
            pageProcess: live.pageProcess - idle.pageProcess,
            host: live.host - idle.host,
            engine: live.engine - idle.engine,
          };
        }
        if (page.complaints.length > 0) throw new Error(page.complaints.join('\n'));
        await page.hide();
      } finally {
        await host.end();
        log.close();
        await lock.release();
      }
    });
    const found = { tabs: tabs as LiveResult['tabs'], drawings: drawings as LiveResult['drawings'] };
    return { iterations, steps, rate, seconds, ...found };
  });
}
