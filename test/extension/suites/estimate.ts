import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'mocha';
import * as vscode from 'vscode';
import type { Estimate } from '../../../engine/protocol.ts';

const workspace = () => vscode.workspace.workspaceFolders![0]!.uri.fsPath;

function configNamed(name: string, text: string): vscode.Uri {
  const file = path.join(workspace(), `${name}.sage.yaml`);
  writeFileSync(file, text);
  return vscode.Uri.file(file);
}

const tabs = () => vscode.window.tabGroups.all.flatMap((group) => group.tabs);
const pageOf = async (config: vscode.Uri) => {
  const uri = vscode.Uri.from({ scheme: 'sage-estimate', path: 'Estimate of mine.md', query: config.toString() });
  return (await vscode.workspace.openTextDocument(uri)).getText();
};

describe('SAGE: Estimate Memory and Time', () => {
  it('shows what the text in the editor takes, saved or not, as a page that is rendered', async () => {
    const config = configNamed('mine', 'policy: { model: shapes }\ntraining: { iterations: 7 }\n');
    const document = await vscode.workspace.openTextDocument(config);
    const editor = await vscode.window.showTextDocument(document);
    const saved = await vscode.commands.executeCommand<Estimate>('sage.estimate', config);
    assert.equal(saved.parameters.policy, 554_400);
    assert.match(
      await pageOf(config),
      /^# Estimate of mine\n\n\*\*An estimate, not a measurement\.\*\* Shapes on this CPU/,
    );

    await editor.edit((edit) => edit.insert(document.lineAt(2).range.start, 'rollout: { generations: 16 }\n'));
    const typed = await vscode.commands.executeCommand<Estimate>('sage.estimate', config);
    assert.equal(typed.work.rollouts, 2 * saved.work.rollouts);
    // The editor takes the new page in its own time.
    const row = `| rollouts an iteration | ${typed.work.rollouts} |`;
    while (!(await pageOf(config)).includes(row)) await new Promise((resolve) => setTimeout(resolve, 20));
    const previews = tabs().filter(({ input }) => input instanceof vscode.TabInputWebview);
    assert.deepEqual(
      previews.map(({ label }) => /Estimate of mine/.test(label)),
      [true],
    );
    await vscode.commands.executeCommand('workbench.action.files.revert');
  });

  it('of a config with errors shows no page', async () => {
    const config = configNamed('wrong', 'policy: { model: shapes }\ntypo: 1\n');
    const before = tabs().length;
    assert.equal(await vscode.commands.executeCommand('sage.estimate', config), undefined);
    assert.equal(tabs().length, before);
  });
});
