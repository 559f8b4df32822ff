import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { chromium as driver, type Browser, type Page } from 'playwright-core';
import { chromium } from '../support/needs.ts';

export const themes = ['dark', 'light', 'high-contrast', 'high-contrast-light'] as const;
export type Theme = (typeof themes)[number];

const bodyClasses: Record<Theme, string> = {
  dark: 'vscode-dark',
  light: 'vscode-light',
  'high-contrast': 'vscode-dark vscode-high-contrast',
  'high-contrast-light': 'vscode-light vscode-high-contrast vscode-high-contrast-light',
};

const types: Record<string, string> = {
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.ttf': 'font/ttf',
  '.png': 'image/png',
  '.mp4': 'video/mp4',
};

/** A message that the webview posted. */
export interface Sent {
  type: string;
  [field: string]: unknown;
}

export interface WebviewPage {
  page: Page;
  /** Posts a message as the extension host does. */
  post(message: unknown): Promise<void>;
  /** Posted by the webview so far, of a type. */
  sent(type: string): Promise<Sent[]>;
  /** What the webview has had kept. */
  state(): Promise<unknown>;
  setTheme(theme: Theme): Promise<void>;
  /** What the console complained about: errors, and what the content security policy refused. */
  complaints: string[];
  /** Files under `/files/` that were asked for, in order. */
  requested: string[];
  close(): Promise<void>;
}

export interface PageOptions {
  /** Folder of the bundle, and its name. */
  bundle: string;
  name: string;
  theme?: Theme;
  width?: number;
  height?: number;
  /** What `getState` gives. */
  state?: unknown;
  /** Folder whose files the page may show, under `/files/`. */
  files?: string;
  /** Plays the extension host: gets each message of the webview and posts what answers it. */
  answer?: (message: Sent, post: (message: unknown) => Promise<void>) => Promise<void> | void;
  reducedMotion?: boolean;
  forcedColors?: boolean;
}

let browser: Promise<Browser> | undefined;

/** One browser for all tests of a file. */
function openBrowser(): Promise<Browser> {
  browser ??= driver.launch({ executablePath: chromium, args: ['--no-sandbox'] });
  return browser;
}

export async function closeBrowser(): Promise<void> {
  await (await browser)?.close();
  browser = undefined;
}

/** Stands in for the editor: what a webview finds in its window. */
function editorScript(state: unknown): string {
  const kept = JSON.stringify(state ?? null).replaceAll('<', '\\u003c');
  return `
    window.sentMessages = [];
    window.keptState = ${kept} ?? undefined;
    window.acquireVsCodeApi = () => ({
      postMessage: (message) => {
        window.sentMessages.push(structuredClone(message));
        window.answerMessage?.(message);
      },
      getState: () => window.keptState,
      setState: (state) => { window.keptState = structuredClone(state); },
    });`;
}

function html(options: PageOptions, nonce: string, origin: string): string {
  const { name, state, theme = 'dark' } = options;
  const policy = [
    "default-src 'none'",
    `img-src ${origin} blob: data:`,
    `media-src ${origin} blob:`,
    `style-src ${origin} 'nonce-${nonce}'`,
    `font-src ${origin}`,
    `script-src 'nonce-${nonce}'`,
    `connect-src ${origin}`,
  ].join('; ');
  return `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>${name}</title><link rel="icon" href="data:,">
    <meta http-equiv="Content-Security-Policy" content="${policy}">
    <link id="theme" rel="stylesheet" href="/themes/${theme}.css"><link rel="stylesheet" href="/${name}.css">
    </head><body class="${bodyClasses[theme]}"><div id="root"></div>
    <script nonce="${nonce}">${editorScript(state)}</script>
    <script type="module" nonce="${nonce}" src="/${name}.js"></script></body></html>`;
}

/** Where a request's file lies; null for what the page must not have. */
function fileOf(url: string, options: PageOptions): string | null {
  const name = decodeURIComponent(url.split('?')[0]).slice(1);
  if (name.startsWith('themes/')) return path.join(import.meta.dirname, name);
  if (name.startsWith('files/')) return options.files ? path.join(options.files, name.slice('files/'.length)) : null;
  return name.includes('/') ? null : path.join(options.bundle, name);
}

/** Sends the part of a file that was asked for, as the editor does: a player seeks by ranges. */
function sendRange(file: string, request: IncomingMessage, response: ServerResponse): void {
  const content = readFileSync(file);
  response.setHeader('content-type', types[path.extname(file)] ?? 'application/octet-stream');
  response.setHeader('accept-ranges', 'bytes');
  const range = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '');
  if (!range) return void response.end(content);
  const start = Number(range[1]);
  const end = Math.min(range[2] === '' ? Infinity : Number(range[2]), content.length - 1);
  response.writeHead(206, { 'content-range': `bytes ${start}-${end}/${content.length}` });
  response.end(content.subarray(start, end + 1));
}

/** Opens a bundled webview in Chromium under the policy that it has in the editor. */
export async function openWebview(options: PageOptions): Promise<WebviewPage> {
  const nonce = randomBytes(16).toString('base64');
  let origin = '';
  const requested: string[] = [];
  const server = createServer((request, response) => {
    const url = request.url ?? '/';
    if (url === '/') return response.setHeader('content-type', 'text/html').end(html(options, nonce, origin));
    try {
      const file = fileOf(url, options);
      if (file === null) throw new Error('not served');
      if (url.startsWith('/files/')) requested.push(decodeURIComponent(url.slice('/files/'.length)));
      sendRange(file, request, response);
    } catch {
      response.writeHead(404).end();
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const context = await (
    await openBrowser()
  ).newContext({
    viewport: { width: options.width ?? 1100, height: options.height ?? 800 },
    reducedMotion: options.reducedMotion ? 'reduce' : 'no-preference',
    forcedColors: options.forcedColors ? 'active' : 'none',
  });
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on('console', (message) => {
    if (message.type() === 'error') complaints.push(`${message.text()} ${message.location().url}`);
  });
  page.on('pageerror', (error) => complaints.push(String(error)));
  const post = (message: unknown) => page.evaluate((data) => window.postMessage(data, '*'), message);
  const { answer } = options;
  if (answer) await page.exposeFunction('answerMessage', (message: Sent) => answer(message, post));
  await page.goto(origin);
  return {
    ...{ page, complaints, requested },
    post,
    sent: (type) =>
      page.evaluate(
        (wanted) => (window as unknown as { sentMessages: Sent[] }).sentMessages.filter((each) => each.type === wanted),
        type,
      ),
    state: () => page.evaluate(() => (window as unknown as { keptState: unknown }).keptState),
    setTheme: (theme) =>
      page.evaluate(
        async ([file, classes]) => {
          const link = document.getElementById('theme') as HTMLLinkElement;
          await new Promise((resolve) => {
            link.onload = resolve;
            link.href = file;
          });
          document.body.className = classes;
        },
        [`/themes/${theme}.css`, bodyClasses[theme]] as const,
      ),
    close: async () => {
      await context.close();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
