import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { previewExploration } from '../../engine/config/exploration.ts';
import { checkText } from '../../engine/config/load.ts';
import { chromium, needs, needsChromium } from '../support/needs.ts';
import { bundleWebview } from './bundle.ts';
import { closeBrowser, openWebview, type WebviewPage } from './page.ts';

const name = 'hostile <img src=x onerror=alert(1)>.sage.yaml';
const file = `/w/${name}`;
const exploration = (text: string) => {
  const { config, diagnostics } = checkText(text, { file });
  return { type: 'exploration', diagnostics, preview: config && previewExploration(config) };
};
const valid =
  'policy: { model: shapes }\nexploration: { kernel: flow_grpo, eta: 0.8, window: { first: 1, last: 4 } }\n';

describe('the preview of exploration', () => {
  needs(chromium !== undefined, needsChromium);
  let opened: WebviewPage;
  let bundle = '';
  beforeAll(async () => {
    if (chromium) bundle = await bundleWebview('schedule');
  });
  afterAll(closeBrowser);
  const open = async () => {
    opened = await openWebview({ bundle, name: 'schedule', width: 700, height: 1400 });
    await expect.poll(() => opened.sent('ready')).toHaveLength(1);
    await opened.post({ type: 'setup', version: 1, uri: 'file:///w/a.sage.yaml', name });
    await opened.post({ type: 'connection', state: 'connected', message: null });
    return opened.page;
  };

  it('shows the tables that training would use, and which steps are explored', async () => {
    const page = await open();
    const message = exploration(valid);
    await opened.post(message);
    const { sigmas, kernels } = message.preview!;
    const steps = kernels.find(({ kernel }) => kernel === 'flow_grpo')!.steps!;
    await expect.poll(() => page.locator('dl').innerText()).toContain('4: 1–4');
    const cells = await page.getByRole('row').nth(3).getByRole('cell').allInnerTexts();
    expect(cells[1]).toBe(sigmas[2].toPrecision(4));
    expect(cells[3]).toBe(steps[2].s.toPrecision(4));
    expect(cells.at(-1)).toBe('yes');
    expect(await page.locator('h1 + p').innerText()).toBe(name);
    expect(await opened.state()).toMatchObject({ uri: 'file:///w/a.sage.yaml' });
    expect(opened.complaints).toEqual([]);
    await opened.close();
  });

  it('keeps the charts while a value is wrong, says what is wrong and takes the cursor there', async () => {
    const page = await open();
    await opened.post(exploration(valid));
    const table = page.getByRole('table').last();
    await table.waitFor();
    await opened.post(exploration('policy: { model: shapes }\nsampling: { steps: 400 }\n'));
    await page.getByRole('button', { name: 'Line 2' }).click();
    expect(await opened.sent('openConfig')).toEqual([{ type: 'openConfig', line: 2, column: expect.any(Number) }]);
    expect(await page.getByText('largest valid number of steps is 111').count()).toBe(1);
    expect(await table.getByRole('row').count()).toBe(11);
    await opened.close();
  });

  it('has no serious accessibility violation', async () => {
    const page = await open();
    await opened.post(exploration(valid));
    await page.getByRole('table').last().waitFor();
    await page.evaluate(readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8'));
    const violations = await page.evaluate(async () => {
      const { axe } = window as unknown as {
        axe: { run(): Promise<{ violations: { id: string; impact: string }[] }> };
      };
      return (await axe.run()).violations;
    });
    expect(violations.filter(({ impact }) => impact === 'serious' || impact === 'critical')).toEqual([]);
    await opened.close();
  });
});
