/** A dashboard as it is in the editor, but for the workbench: engine, extension host and Chromium, each a process. */
import { fork, type ChildProcess } from 'node:child_process';
import path from 'node:path';
import type { CDPSession } from 'playwright-core';
import { openWebview, type WebviewPage } from '../webview/page.ts';
import type { FromHost, HostUsage, ToHost } from './host-child.ts';

/** The extension host's side. */
export interface BenchHost {
  /** CPU seconds so far. */
  usage(): Promise<HostUsage>;
  /** Opens a page for the dashboard. */
  openPage(bundle: string): Promise<HostedPage>;
  end(): Promise<void>;
}

export interface ShownPage extends WebviewPage {
  cdp: CDPSession;
  /** Posts a message that is JSON, as the editor does: text through a socket, and a clone of what it says. */
  deliver(json: string): Promise<void>;
  /** When the page said that it listens; milliseconds since 1970. */
  asked: number;
  /** Waits until the charts of a tab, after a click on it where `click` says so, are painted. */
  painted(tab: DashboardTab, click: boolean): Promise<Painted>;
}

/** A page of a host; there is one at a time. */
export interface HostedPage extends ShownPage {
  hide(): Promise<void>;
}

export interface Painted {
  /** Milliseconds since 1970. */
  at: number;
  /** Milliseconds since the click. */
  took: number;
}

/** What is on a tab when it is complete. */
const marks = {
  health: '#dashboard-panel-health :is(.health, .health-checks)',
  reward: '#chart-lost canvas',
  gradients: '#chart-first-replay canvas',
  drift: '#chart-energy canvas',
} as const;
export type DashboardTab = keyof typeof marks;
export const chartTabs = Object.keys(marks) as DashboardTab[];

const now = () => performance.timeOrigin + performance.now();

/** Starts the extension host's side with an engine for a folder of runs. */
export async function startHost(runs: string, run: string): Promise<BenchHost> {
  const child = fork(path.join(import.meta.dirname, 'host-child.ts'), [runs, run], { serialization: 'advanced' });
  const tell = (message: ToHost) => child.send(message);
  let page: ShownPage | null = null;
  let usage: (found: HostUsage) => void = () => {};
  await new Promise<void>((resolve, reject) => {
    child.on('error', reject);
    child.on('exit', (code) => reject(new Error(`the extension host's side ended with ${code}`)));
    child.on('message', (message: FromHost) => {
      if (message.type === 'up') resolve();
      else if (message.type === 'usage') usage(message);
      else if (page === null) tell({ type: 'taken', id: message.id });
      else void page.deliver(message.text).finally(() => tell({ type: 'taken', id: message.id }));
    });
  });
  return {
    usage: () =>
      new Promise((resolve) => {
        usage = resolve;
        tell({ type: 'usage' });
      }),
    async openPage(bundle) {
      const opened = await openDashboard(bundle, (message) => tell({ type: 'page', message }));
      page = opened;
      const hide = async () => {
        tell({ type: 'hide' });
        page = null;
        await opened.close();
      };
      return { ...opened, hide };
    },
    end: () => end(child),
  };
}

async function end(child: ChildProcess): Promise<void> {
  const gone = new Promise((resolve) => child.once('exit', resolve));
  child.send({ type: 'end' } satisfies ToHost);
  await gone;
}

/** Opens a dashboard whose first message is handed over only when it has been loaded: from then on it waits for data. */
export async function openDashboard(bundle: string, hear: (message: unknown) => void): Promise<ShownPage> {
  let answer: (message: unknown) => void = () => {};
  const first = new Promise((resolve) => (answer = resolve));
  const webview = await openWebview({ bundle, name: 'dashboard', answer: (message) => answer(message) });
  const ready = await first;
  answer = hear;
  const cdp = await webview.page.context().newCDPSession(webview.page);
  await cdp.send('Performance.enable');
  const expression = "(json) => window.postMessage(JSON.parse(json), '*')";
  const { objectId } = (await cdp.send('Runtime.evaluate', { expression })).result;
  const asked = now();
  setImmediate(hear, ready);
  return {
    ...{ ...webview, cdp, asked },
    async deliver(json) {
      const call = { functionDeclaration: 'function (json) { this(json); }', arguments: [{ value: json }], objectId };
      // A page that is gone takes nothing.
      await cdp.send('Runtime.callFunctionOn', call).catch(() => {});
    },
    painted: (tab, click) => painted(webview, tab, click),
  };
}

async function painted({ page }: WebviewPage, tab: DashboardTab, click: boolean): Promise<Painted> {
  const found = await page.evaluate(
    async ([button, mark]) => {
      const start = performance.now();
      const frame = () => new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));
      if (button !== null) document.querySelector<HTMLElement>(button)?.click();
      while (!document.querySelector(mark)) await frame();
      // Effects that draw run behind the first frame, and what they change is drawn in another.
      for (let i = 0; i < 3; i++) await frame();
      return { at: performance.timeOrigin + performance.now(), took: performance.now() - start };
    },
    [click ? `#dashboard-tab-${tab}` : null, marks[tab]] as const,
  );
  const blank = await page.evaluate(
    () =>
      [...document.querySelectorAll<HTMLCanvasElement>('main canvas')].filter((canvas) => {
        const { width, height } = canvas;
        return !canvas
          .getContext('2d')!
          .getImageData(0, 0, width, height)
          .data.some((value) => value !== 0);
      }).length,
  );
  if (blank > 0) throw new Error(`${blank} charts of ${tab} are not painted`);
  return found;
}
