/** Pictures of each tab of a run's dashboard, in each theme and narrow: `node test/webview/screenshots.ts RUN-FOLDER OUT-FOLDER [tab…]`. */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { buildWebview } from './bundle-files.ts';
import { closeBrowser, openWebview, themes } from './page.ts';
import { dashboardHost } from './run-host.ts';

const [run, out, ...only] = process.argv.slice(2);
const tabs = only.length > 0 ? only : ['health', 'reward', 'rollouts', 'gradients', 'drift', 'checkpoints', 'run'];
const bundle = mkdtempSync(path.join(tmpdir(), 'sage-webview-'));
await buildWebview('dashboard', bundle);
mkdirSync(out, { recursive: true });
const runs = path.dirname(path.resolve(run));
const host = dashboardHost(runs, path.basename(run));
const kinds = [...themes.map((theme) => ({ theme, width: 1100 })), { theme: 'dark' as const, width: 480 }];
for (const { theme, width } of kinds) {
  const { page, complaints, close } = await openWebview({
    bundle,
    name: 'dashboard',
    theme,
    width,
    height: 900,
    files: runs,
    answer: host,
  });
  for (const tab of tabs) {
    await page.locator(`#dashboard-tab-${tab}`).click();
    await page.waitForTimeout(500);
    await page.screenshot({ path: path.join(out, `${tab}-${theme}-${width}.png`), fullPage: true });
  }
  if (complaints.length > 0) console.error(theme, width, complaints);
  await close();
}
await closeBrowser();
rmSync(bundle, { recursive: true, force: true });
