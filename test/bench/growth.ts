/** Whether the memory of an open dashboard stays what it is while its run goes on and on. */
import { fork } from 'node:child_process';
import path from 'node:path';
import { takeLock } from '../../engine/run/lock.ts';
import { chromium, needsChromium } from '../support/needs.ts';
import type { FromGrowth, ToGrowth } from './growth-child.ts';
import { withDashboard } from './open.ts';
import { chartTabs, openDashboard, type ShownPage } from './shown.ts';
import { median } from './statistics.ts';
import { makeRun, sampleWithSteps, withRuns } from './view.ts';

/** Of an iteration on: bytes of heap, and what of the page is counted. */
export interface Grown {
  iterations: number;
  pageBytes: number;
  nodes: number;
  listeners: number;
  /** The engine's view and the extension host's session, in one process. */
  hostBytes: number;
}

export interface GrowthResult {
  iterations: number;
  steps: number;
  settled: number;
  samples: Grown[];
  /** The median of the last samples over that of the first ones after the settled iterations; see `growthOf`. */
  page: number;
  nodes: number;
  listeners: number;
  host: number;
}

/** Iterations after which nothing may grow any more. */
const settled = 2000;
const atOnce = 50;

/** Shows each tab once, so that what is left of them is counted too. */
async function visitTabs(page: ShownPage): Promise<void> {
  for (const tab of chartTabs) await page.painted(tab, true);
}

async function measurePage(page: ShownPage): Promise<Pick<Grown, 'pageBytes' | 'nodes' | 'listeners'>> {
  await visitTabs(page);
  // Twice: what the first one frees may hold something in the other of the page's two heaps.
  for (let i = 0; i < 2; i++) await page.cdp.send('HeapProfiler.collectGarbage');
  const { usedSize } = await page.cdp.send('Runtime.getHeapUsage');
  const { nodes, jsEventListeners } = await page.cdp.send('Memory.getDOMCounters');
  return { pageBytes: usedSize, nodes, listeners: jsEventListeners };
}

/**
 * The median of the last 2,000 iterations over that of the 2,000 after the run has settled. Medians, because a sample that
 * falls into the change from one view to the next has both.
 */
export function growthOf(samples: readonly Grown[], name: Exclude<keyof Grown, 'iterations'>): number {
  const last = samples.at(-1)!.iterations;
  const usual = (from: number) => {
    const some = samples.filter(({ iterations }) => iterations > from && iterations <= from + settled);
    return median(some.map((sample) => sample[name]));
  };
  return usual(last - settled) / usual(settled);
}

/** Shows a run from its first iteration on while it grows as fast as it is shown. @returns why not, where it cannot */
export async function measureGrowth(iterations: number, steps: number): Promise<GrowthResult | string> {
  if (chromium === undefined) return needsChromium;
  const sample = await sampleWithSteps(steps);
  return withRuns(async (runs) => {
    const folder = await makeRun(runs, iterations, 'running');
    const lock = await takeLock(folder);
    const samples: Grown[] = [];
    await withDashboard(async (bundle) => {
      const script = path.join(import.meta.dirname, 'growth-child.ts');
      const args = [folder, ...[iterations, atOnce, settled / 8].map(String)];
      const child = fork(script, args, { execArgv: ['--expose-gc'], serialization: 'advanced' });
      const tell = (message: ToGrowth) => child.send(message);
      let page: ShownPage;
      await new Promise<void>((resolve, reject) => {
        const take = async (message: FromGrowth) => {
          if (message.type === 'up') {
            page = await openDashboard(bundle, (said) => tell({ type: 'page', message: said }));
            tell({ type: 'sample', events: [...sample.values()] });
          } else if (message.type === 'done') resolve();
          else {
            if (message.type === 'send') await page.deliver(message.text);
            else
              samples.push({
                ...{ iterations: message.iterations, hostBytes: message.bytes },
                ...(await measurePage(page)),
              });
            tell({ type: 'taken', id: message.id });
          }
        };
        child.on('message', (message: FromGrowth) => void take(message).catch(reject));
        child.on('exit', (code) => reject(new Error(`the process that grows ended with ${code}`)));
      }).finally(() => child.kill());
      await page!.close();
    });
    await lock.release();
    const [page, nodes, listeners, host] = (['pageBytes', 'nodes', 'listeners', 'hostBytes'] as const).map((name) =>
      growthOf(samples, name),
    );
    return { iterations, steps, settled, samples, page, nodes, listeners, host };
  });
}
