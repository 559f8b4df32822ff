/** A person writes a config in a real workbench: completion, hover, a mistake that one click puts right, ▶. */
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Locator, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { packageRoot } from '../../engine/package-root.ts';
import { needs } from '../support/needs.ts';
import { editorTab, eventually, replaceInEditor, webview } from './drive.ts';
import { openWorkbench, type Workbench } from './workbench.ts';
import { createWorkspace, type Workspace } from './workspace.ts';

const codeServer = inject('codeServer');
const mistaken = `policy:
  model: shapes
sampling:
  steps: 500
exploration:
  kernel: sage
  ete: 0.5
`;

describe('a config in the editor', () => {
  needs(codeServer.kind !== 'none', codeServer.kind === 'none' ? codeServer.reason : '');
  let workspace: Workspace;
  let bench: Workbench;
  let page: Page;
  beforeAll(async () => {
    if (codeServer.kind === 'none') return;
    workspace = await createWorkspace();
    writeFileSync(path.join(workspace.folder, 'draft.sage.yaml'), '');
    writeFileSync(path.join(workspace.folder, 'mistaken.sage.yaml'), mistaken);
    bench = await openWorkbench(codeServer, {
      extension: { development: packageRoot() },
      workspace: workspace.folder,
      settings: { 'editor.hover.delay': 100, 'editor.minimap.enabled': false },
    });
    page = bench.page;
  });
  afterAll(async () => {
    await bench?.close();
    await workspace?.remove();
  });

  const open = async (name: string) => {
    await page.getByRole('treeitem', { name }).dblclick();
    await editorTab(page, name).waitFor();
    await lines().first().waitFor();
  };
  const lines = () => page.locator('.editor-instance .view-lines .view-line');
  const text = async () => (await lines().allInnerTexts()).map((line) => line.replaceAll('\u00a0', ' ')).join('\n');
  const suggestion = (label: string): Locator =>
    page.locator('.suggest-widget.visible .monaco-list-row').filter({ has: page.getByText(label, { exact: true }) });
  /** Asks for what can be written, until `label` is offered, and takes it. */
  const accept = async (label: string) => {
    await eventually(`${label} is offered`, async () => {
      if (!(await page.locator('.suggest-widget.visible').isVisible()))
        await page.keyboard.press('ControlOrMeta+Space');
      return suggestion(label).first().isVisible();
    });
    await suggestion(label).first().click();
  };

  /** The action that is offered at a word of the editor, in the list that is open then. */
  const actionAt = (word: string, label: string | RegExp): Promise<Locator> =>
    eventually(`${label} is offered at ${word}`, async () => {
      const action = page.locator('.action-widget .monaco-list-row').filter({ hasText: label }).first();
      await lines().getByText(word, { exact: true }).first().click({ timeout: 5000 });
      await page.keyboard.press('ControlOrMeta+.');
      const isThere = await action.waitFor({ timeout: 5000 }).then(
        () => true,
        () => false,
      );
      if (!isThere) await page.keyboard.press('Escape');
      return isThere && action;
    });

  it('is written by accepting what is offered', async () => {
    await open('draft.sage.yaml');
    await lines().first().click();
    await page.keyboard.type('pol');
    await accept('policy');
    await eventually('the block is there', async () => /^policy:/.test(await text()));
    await page.keyboard.type('mod');
    await accept('model');
    await accept('shapes');
    await eventually('the model is there', async () => /^policy:\s+model: shapes/.test(await text()));
    await bench.screenshots('config-completion');
  });

  it('says what a key does here, and what is wrong where', async () => {
    await open('mistaken.sage.yaml');
    await page.locator('.squiggly-error').first().waitFor({ timeout: 60_000 });
    await lines().getByText('kernel', { exact: true }).first().hover();
    const hover = page.locator('.monaco-hover:visible').first();
    await eventually('the hover says what it does', async () => /variance/i.test(await hover.innerText()));
    await bench.screenshots('config-hover');
    await page.keyboard.press('Escape');
  });

  it('a mistake is put right by one click', async () => {
    const action = await actionAt('ete', /to eta/);
    await bench.screenshot('config-actions');
    await action.click();
    await eventually('the key has its right name', async () => /^ {2}eta: 0.5$/m.test(await text()));
  });

  it('the number that the schedule allows is one click away', async () => {
    const action = await actionAt('500', /sampling\.steps/);
    await action.click();
    await eventually('nothing is wrong any more', async () => (await page.locator('.squiggly-error').count()) === 0);
  });

  it('is launched by the ▶ above it', async () => {
    const lens = page.locator('.codelens-decoration a').filter({ hasText: 'Launch' }).first();
    await lens.waitFor({ timeout: 60_000 });
    await bench.screenshots('config');
    await lens.click();
    const dialog = page.locator('.monaco-dialog-box');
    await dialog.waitFor();
    expect(await dialog.innerText()).toContain('mistaken');
    await dialog.getByRole('button', { name: 'Cancel' }).click();
  });

  it('explains a finding: its code is a link, and an action shows the page', async () => {
    await replaceInEditor(page, 'eta', 'ete');
    const code = page.locator('.monaco-hover:visible a').filter({ hasText: 'config/unknown-key' }).first();
    await eventually('the hover has the code', async () => {
      await lines().getByText('ete', { exact: true }).first().hover();
      return code.isVisible();
    });
    await code.click();
    await editorTab(page, /diagnostics\.md/).waitFor({ timeout: 60_000 });
    await eventually('it opens at its place', async () => (await text()).includes('### config/unknown-key'));
    await editorTab(page, 'mistaken').click();
    await (await actionAt('ete', 'Explain config/unknown-key')).click();
    await editorTab(page, /Preview diagnostics\.md/).waitFor({ timeout: 60_000 });
    const preview = await webview(page);
    await preview.getByRole('heading', { name: 'config/unknown-key' }).waitFor({ timeout: 60_000 });
    await bench.screenshot('config-documentation');
    expect(bench.problems()).toEqual([]);
  });
});
