import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { afterEach, before, describe, it } from 'mocha';
import * as vscode from 'vscode';
import type { ToCompare } from '../../../webview/contract/compare.ts';
import type { ToDashboard } from '../../../webview/contract/dashboard.ts';
import type { ToSchedule } from '../../../webview/contract/schedule.ts';
import { closePages, revive } from '../host/page.ts';
import { aPerson } from '../host/person.ts';
import { copyRun, finishedRun, progressOf, runFolder, writeConfig } from '../host/runs.ts';
import { closeTabs, eventually, webviewTabs } from '../host/studio.ts';

const gone = 'gone-20200101-000000';

describe('after a reload of the window', () => {
  const person = aPerson();
  let run: string;
  before(async () => {
    run = await finishedRun();
    await closeTabs();
  });
  afterEach(async () => {
    closePages();
    await closeTabs();
    assert.deepEqual(
      person.said().filter(({ kind }) => kind === 'Error'),
      [],
    );
  });

  it('a dashboard comes back with its run, whatever else its page has kept', async () => {
    const page = await revive<ToDashboard>('dashboard', { run, tab: 'reward', smoothing: 0.5, of: 'a later version' });
    await page.says('ready');
    assert.equal((await page.isTold('setup')).run, run);
    const { view } = await page.isTold('view');
    assert.equal(view.glance.status, 'finished');
    assert.equal(view.glance.iterations, progressOf(run).iterations);
    assert.equal((await page.isTold('summary')).summary.name, 'short');
    assert.equal(page.panel.title, 'short · finished');
  });

  it('it is the one dashboard of its run', async () => {
    const page = await revive<ToDashboard>('dashboard', { run });
    await vscode.commands.executeCommand('sage.openDashboard', run);
    const other = await revive<ToDashboard>('dashboard', { run });
    assert.ok(other.closed && !page.closed);
    await eventually('one tab is left', () => webviewTabs('sage.dashboard').length === 1);
  });

  it('a dashboard whose run is gone says so, and shows the run once it is back', async () => {
    const page = await revive<ToDashboard>('dashboard', { run: gone });
    const { problem } = await page.isTold('problem');
    assert.match(problem.message, new RegExp(`There is no run "${gone}"`));
    assert.notEqual(problem.remedy, '');
    assert.equal(page.panel.title, gone);
    copyRun(run, gone, { name: 'back' });
    const { view } = await page.isTold('view');
    assert.equal(view.glance.name, 'back');
    rmSync(runFolder(gone), { recursive: true });
  });

  it('a comparison comes back with its runs', async () => {
    const page = await revive<ToCompare>('compare', { runs: [run, run], smoothing: 0 });
    await page.says('ready');
    assert.deepEqual((await page.isTold('setup')).runs, [run, run]);
    const { comparison, series } = await page.isTold('comparison');
    assert.deepEqual(
      comparison.runs.map(({ id }) => id),
      [run, run],
    );
    assert.equal(series.length, 2);
    await eventually('its title names them', () => page.panel.title === 'Compare: short, short');
  });

  it('a comparison of which a run is gone says which', async () => {
    const page = await revive<ToCompare>('compare', { runs: [run, gone] });
    const { problem } = await page.isTold('problem');
    assert.match(problem.message, new RegExp(`There is no run "${gone}"`));
  });

  it('a comparison that nobody looks at is named after its runs too, once they are there', async () => {
    const late = 'late-20200101-000000';
    const page = await revive<ToCompare>('compare', { runs: [run, late] });
    await page.isTold('problem');
    assert.equal(page.panel.title, `Compare: short, ${late}`);
    await vscode.commands.executeCommand('sage.openDashboard', run);
    await eventually('it is hidden', () => !page.panel.visible);
    copyRun(run, late, { name: 'later' });
    await eventually('its title names them', () => page.panel.title === 'Compare: short, later');
    assert.ok(!page.panel.visible);
  });

  it('a preview of exploration comes back with its config', async () => {
    const config = writeConfig('kept');
    const page = await revive<ToSchedule>('schedule', { uri: config.toString() });
    await page.says('ready');
    assert.equal((await page.isTold('setup')).name, 'kept.sage.yaml');
    const { preview, diagnostics } = await page.isTold('exploration');
    assert.ok(preview !== null);
    assert.ok(diagnostics.every(({ severity }) => severity === 'warning'));
    assert.equal(page.panel.title, 'Exploration: kept.sage.yaml');
  });

  it('a preview whose config is gone says so', async () => {
    const missing = vscode.Uri.joinPath(vscode.workspace.workspaceFolders![0]!.uri, 'missing.sage.yaml');
    const page = await revive<ToSchedule>('schedule', { uri: missing.toString() });
    const { problem } = await page.isTold('problem');
    assert.match(problem.message, /missing\.sage\.yaml/);
  });

  for (const [kind, state] of [
    ['dashboard', undefined],
    ['dashboard', { run: '../../etc' }],
    ['compare', { runs: [] }],
    ['compare', 'run'],
    ['schedule', { uri: 7 }],
  ] as const)
    it(`a ${kind} of which ${JSON.stringify(state) ?? 'nothing'} is left is closed`, async () => {
      assert.ok((await revive(kind, state)).closed);
    });
});
