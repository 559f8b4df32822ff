import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import * as vscode from 'vscode';
import { extensionId } from '../../workbench/records.ts';

describe('the extension', () => {
  it('carries out the command that activates it', async () => {
    const extension = vscode.extensions.getExtension(extensionId);
    assert.equal(extension?.isActive, false);
    await vscode.commands.executeCommand('sage.clearRunFilter');
    assert.ok(extension.isActive);
  });

  it('is there, and activates without an error', async () => {
    const extension = vscode.extensions.getExtension(extensionId);
    assert.ok(extension, `${extensionId} is not installed`);
    await extension.activate();
    assert.ok(extension.isActive);
  });
});
