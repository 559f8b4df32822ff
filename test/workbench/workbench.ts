import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { type Browser, chromium as driver, type Page } from 'playwright-core';
import { packageRoot } from '../../engine/package-root.ts';
import { runCommand } from './drive.ts';
import { extensionId } from './records.ts';
import { type Server, type ServerOptions, startServer } from './server.ts';
import type { CodeServer } from './which.ts';

/** Color themes that every picture is taken in, by the end of its file name. */
export const themes = {
  dark: 'Default Dark Modern',
  light: 'Default Light Modern',
  contrast: 'Default High Contrast',
} as const;
export type Theme = keyof typeof themes;
/** By which the workbench marks itself. */
const bodyClasses: Record<Theme, string> = { dark: 'vs-dark', light: 'vs', contrast: 'hc-black' };

export interface WorkbenchOptions extends ServerOptions {
  /** Folder that is opened. */
  workspace: string;
  theme?: Theme;
  size?: { width: number; height: number };
}

/** A workbench that a test drives as a person does. */
export interface Workbench {
  page: Page;
  server: Server;
  /**
   * What went wrong in webviews: errors on the console, violations of the Content Security Policy, exceptions that nobody
   * caught. A test that shows webviews ends by finding it empty.
   */
  problems(): readonly string[];
  /** Everything that the console said, with where. */
  said(): readonly string[];
  /** Reloads the window as 'Developer: Reload Window' does. */
  reload(): Promise<void>;
  /** Writes test-output/NAME.png. */
  screenshot(name: string): Promise<void>;
  /** The same picture in each theme: test-output/NAME-THEME.png. The theme stays the last one. */
  screenshots(name: string): Promise<void>;
  close(): Promise<void>;
}

/** Opens a folder in code-server, in a browser of its own, and waits until the workbench stands. */
export async function openWorkbench(codeServer: CodeServer, options: WorkbenchOptions): Promise<Workbench> {
  const settings = { 'workbench.colorTheme': themes[options.theme ?? 'dark'], ...options.settings };
  const server = await startServer(codeServer, { ...options, settings });
  let browser: Browser | undefined;
  const close = async () => {
    await browser?.close();
    await server.stop();
  };
  try {
    browser = await driver.launch({ executablePath: codeServer.chromium, args: ['--no-sandbox'] });
    const page = await browser.newPage({ viewport: options.size ?? { width: 1400, height: 900 } });
    const { said, problems } = listen(page);
    const screenshot = async (name: string) => {
      const folder = path.join(packageRoot(), 'test-output');
      await mkdir(folder, { recursive: true });
      await page.screenshot({ path: path.join(folder, `${name}.png`) });
    };
    await page.goto(server.url(options.workspace));
    await stands(page);
    return {
      page,
      server,
      problems: () => problems,
      said: () => said,
      reload: async () => {
        // As a person does it: the window is asked to save what it shows before it goes.
        const loaded = page.waitForEvent('load', { timeout: 60_000 });
        await runCommand(page, 'Developer: Reload Window');
        await loaded;
        await stands(page);
      },
      screenshot,
      screenshots: async (name) => {
        // The window watches the settings of its folder; those of the user it reads when it loads.
        const folder = path.join(options.workspace, '.vscode');
        await mkdir(folder, { recursive: true });
        for (const theme of Object.keys(themes) as Theme[]) {
          const chosen = JSON.stringify({ 'workbench.colorTheme': themes[theme] });
          await writeFile(path.join(folder, 'settings.json'), chosen);
          await page.locator(`.monaco-workbench.${bodyClasses[theme]}`).waitFor({ timeout: 60_000 });
          await page.waitForTimeout(300);
          await screenshot(`${name}-${theme}`);
        }
      },
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** The side bar is there and the extension host answers. */
async function stands(page: Page): Promise<void> {
  await page.locator('.monaco-workbench .part.activitybar .action-item').first().waitFor({ timeout: 120_000 });
  await page.locator('.statusbar-item').first().waitFor();
}

function listen(page: Page): { said: string[]; problems: string[] } {
  const said: string[] = [];
  const problems: string[] = [];
  page.on('console', (message) => {
    const line = `${message.type()}: ${message.text()} (${message.location().url})`;
    said.push(line);
    if (violation.test(line) || (message.type() === 'error' && !ofTheWorkbench.test(line))) problems.push(line);
    else if (/ERR/.test(line) && line.includes(extensionId)) problems.push(line);
  });
  page.on('pageerror', (error) => {
    const line = `exception: ${error.stack ?? error.message}`;
    said.push(line);
    if (!ofTheWorkbench.test(line)) problems.push(line);
  });
  return { said, problems };
}

const violation = /violates the following Content Security Policy|Refused to /;
/**
 * Errors of code-server itself: files that its package lacks, galleries that it cannot reach. What a webview logs has no
 * address, so everything else counts as ours.
 */
const ofTheWorkbench =
  /\/static\/out\/vs\/|\/static\/node_modules\/|\/_static\/|\/update\/check|open-vsx\.org|when fetching the script/;
