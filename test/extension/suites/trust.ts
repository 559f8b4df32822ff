/** Of a workspace that is not trusted; test/extension/extension.test.ts makes it, with one run in it. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, it } from 'mocha';
import * as vscode from 'vscode';
import { extensionId } from '../../workbench/records.ts';
import type { ToDashboard } from '../../../webview/contract/dashboard.ts';
import { revive } from '../host/page.ts';
import { aPerson } from '../host/person.ts';
import { progressOf, runNames, runsFolder } from '../host/runs.ts';
import { closeTabs, comesTo, eventually, folder, studio, webviewTabs } from '../host/studio.ts';

const config = () => path.join(folder(), 'shapes.sage.yaml');

/** Every file of the workspace with its size and when it was written. */
function standing(): string[] {
  const entries = readdirSync(folder(), { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return entries.map((entry) => {
    const file = path.join(entry.parentPath, entry.name);
    const { size, mtimeMs } = statSync(file);
    return `${file} ${size} ${mtimeMs}`;
  });
}

describe('in Restricted Mode', () => {
  const person = aPerson();
  let run: string;
  before(async () => {
    assert.equal(vscode.workspace.isTrusted, false);
    [run] = runNames() as [string];
    await studio();
  });
  after(closeTabs);

  it('the extension is active', () => {
    assert.ok(vscode.extensions.getExtension(extensionId)!.isActive);
  });

  it('a config opens as one, with its own language', async () => {
    const { document } = await vscode.window.showTextDocument(vscode.Uri.file(config()));
    assert.equal(document.languageId, 'sage-yaml');
  });

  it('configs are made', async () => {
    const target = vscode.Uri.file(path.join(folder(), 'new.sage.yaml'));
    await vscode.commands.executeCommand('sage.newConfig', { preset: 'shapes', target });
    assert.equal(readFileSync(target.fsPath, 'utf8'), readFileSync(config(), 'utf8'));
  });

  it('the tree has the runs of the usual folder: the settings of the workspace do not count', async () => {
    const { provider } = await (await studio()).tree();
    assert.match(
      readFileSync(path.join(folder(), '.vscode', 'settings.json'), 'utf8'),
      /"sage\.runsFolder":"elsewhere"/,
    );
    const nodes = (await provider.getChildren())!;
    assert.deepEqual(
      nodes.map((node) => node.run),
      [run],
    );
    const item = await provider.getTreeItem(nodes[0]!);
    assert.equal(item.description, `1 iterations · reward ${progressOf(run).reward.toFixed(2)}`);
    assert.equal((await comesTo('running')).hello.runs.folder, runsFolder());
  });

  it('dashboards open, and their pages know that nothing can be started', async () => {
    const page = await revive<ToDashboard>('dashboard', { run });
    assert.equal((await page.isTold('setup')).trusted, false);
    assert.equal((await page.isTold('view')).view.glance.id, run);
    page.panel.dispose();
    await vscode.commands.executeCommand('sage.openDashboard', run);
    await eventually('its tab is there', () => webviewTabs('sage.dashboard')[0]?.label === 'earlier · finished');
  });

  const refused: [command: string, argument: () => unknown][] = [
    ['launch', () => ({ config: config(), confirm: false })],
    ...['pause', 'continue', 'checkpoint', 'killTrainer', 'openReport', 'deleteRun', 'resume'].map(
      (command): [string, () => unknown] => [command, () => run],
    ),
    ['stop', () => ({ run, confirm: false })],
    ['resumeFrom', () => ({ run, from: 1 })],
  ];
  for (const [command, argument] of refused)
    it(`${command} does nothing but say why`, async () => {
      const before = standing();
      const answer = person.closes(vscode.commands.executeCommand(`sage.${command}`, argument()));
      const { kind, actions } = await person.hears(/^This workspace is in Restricted Mode: .* nothing is launched/);
      assert.equal(kind, 'Warning');
      assert.deepEqual(actions, ['Manage Workspace Trust']);
      assert.equal(await answer, undefined);
      assert.equal(person.said().length, 1);
      assert.deepEqual(standing(), before);
    });
});
