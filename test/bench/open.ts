/** How long it takes from the request for a long finished run until its dashboard is painted. */
import { statSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { runPaths } from '../../engine/run/folder.ts';
import { chromium, needsChromium } from '../support/needs.ts';
import { buildWebview } from '../webview/bundle-files.ts';
import { closeBrowser } from '../webview/page.ts';
import { parseOnce, timed, writeLongLog } from './inspect.ts';
import { chartTabs, startHost, type BenchHost, type DashboardTab } from './shown.ts';
import { spread, type Spread } from './statistics.ts';
import { makeRun, sampleWithSteps, withRuns } from './view.ts';

export interface OpenResult {
  iterations: number;
  steps: number;
  bytes: number;
  rounds: number;
  parseMilliseconds: Spread;
  /** From the request until what is shown first is painted, and from the click on each other tab until that is. */
  tabMilliseconds: Record<DashboardTab, Spread>;
  /** The sum of these over time of reading and parsing the events, by rounds. */
  ratio: Spread;
}

/** Gives a folder with the dashboard's bundle; the browser ends with it. */
export async function withDashboard<T>(work: (bundle: string) => Promise<T>): Promise<T> {
  const bundle = await mkdtemp(path.join(os.tmpdir(), 'sage-webview-'));
  try {
    await buildWebview('dashboard', bundle);
    return await work(bundle);
  } finally {
    await closeBrowser();
    await rm(bundle, { recursive: true, force: true });
  }
}

/** The page is loaded already, and the engine is up, as it is when the list of runs is shown. */
async function openOnce(host: BenchHost, bundle: string): Promise<Record<DashboardTab, number>> {
  const page = await host.openPage(bundle);
  const took: Partial<Record<DashboardTab, number>> = {};
  for (const [i, tab] of chartTabs.entries()) {
    const painted = await page.painted(tab, i > 0);
    took[tab] = i === 0 ? painted.at - page.asked : painted.took;
  }
  if (page.complaints.length > 0) throw new Error(page.complaints.join('\n'));
  await page.hide();
  return took as Record<DashboardTab, number>;
}

/**
 * Times the whole path of a dashboard's data (read, check, fold, send, check again, draw) against reading the events file
 * and JSON-parsing every line, taking turns. @returns why not, where it cannot
 */
export async function measureOpening(iterations: number, steps: number, rounds: number): Promise<OpenResult | string> {
  if (chromium === undefined) return needsChromium;
  const sample = await sampleWithSteps(steps);
  return withRuns(async (runs) => {
    const folder = await makeRun(runs, iterations);
    const file = runPaths(folder).events;
    await writeLongLog(file, sample, iterations);
    const parses: number[] = [];
    const opens: Record<DashboardTab, number>[] = [];
    await withDashboard(async (bundle) => {
      const host = await startHost(runs, path.basename(folder));
      try {
        for (let round = -1; round < rounds; round++) {
          const parse = await timed(async () => void (await parseOnce(file)));
          const open = await openOnce(host, bundle);
          // The first round warms both up.
          if (round < 0) continue;
          parses.push(parse);
          opens.push(open);
        }
      } finally {
        await host.end();
      }
    });
    const sum = (times: Record<DashboardTab, number>) => chartTabs.reduce((total, tab) => total + times[tab], 0);
    return {
      ...{ iterations, steps, bytes: statSync(file).size, rounds },
      parseMilliseconds: spread(parses),
      tabMilliseconds: Object.fromEntries(
        chartTabs.map((tab) => [tab, spread(opens.map((times) => times[tab]))]),
      ) as Record<DashboardTab, Spread>,
      ratio: spread(opens.map((times, i) => sum(times) / parses[i])),
    };
  });
}
