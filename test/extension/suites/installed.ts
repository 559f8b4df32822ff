/** Of an installation from the .vsix only; test/workbench/package.test.ts makes it. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { describe, it } from 'mocha';
import * as vscode from 'vscode';
import { extensionId } from '../../workbench/records.ts';

const installed = vscode.extensions.getExtension(extensionId)!;
const workspace = () => vscode.workspace.workspaceFolders![0]!.uri.fsPath;

/** Runs the engine of the installation with the extension host's own Node. */
async function sage(...args: string[]): Promise<string> {
  const program = path.join(installed.extensionPath, 'dist', 'cli.js');
  const env = { ...process.env, ELECTRON_RUN_AS_NODE: '1' };
  const { stdout } = await promisify(execFile)(process.execPath, [program, ...args], { cwd: workspace(), env });
  return stdout;
}

describe('the installed package', () => {
  it('is the package, not the sources, and activates', async () => {
    assert.ok(!existsSync(path.join(installed.extensionPath, 'engine', 'cli.ts')));
    await installed.activate();
    assert.ok(installed.isActive);
  });

  it("holds this platform's binaries and no other's, and nothing of the development", () => {
    const files = readdirSync(installed.extensionPath, { recursive: true }).map(String);
    const binaries = files.filter((file) => /\.(node|so(\.\d+)*|dll|dylib)$/.test(file));
    assert.ok(binaries.length > 0);
    const own = path.join('bin', 'napi-v6', process.platform, process.arch);
    for (const file of binaries) assert.ok(file.includes(own), file);
    const unwanted = files.filter((file) =>
      /^(test|src|webview|runs|dist.test|\.(?!vsixmanifest)\w)|encoder\.onnx$|\.(map|tsx?)$|__pycache__/.test(file),
    );
    assert.deepEqual(unwanted, []);
    const manifest = JSON.parse(readFileSync(path.join(installed.extensionPath, 'package.json'), 'utf8'));
    assert.equal(manifest.dependencies, undefined);
    assert.equal(manifest.devDependencies, undefined);
  });

  it('trains an iteration from its own engine with the Node of the extension host', async () => {
    const few = ['--set', 'evaluation.max_videos=4', '--set', 'videos.every=1'];
    await sage('train', 'shapes.sage.yaml', '--iterations', '1', '--name', 'installed', ...few);
    const { status, videosFolder } = JSON.parse(await sage('inspect', 'installed', '--json'));
    assert.equal(status, 'finished');
    assert.ok(existsSync(path.join(videosFolder, 'p00-g0.mp4')));
    await sage('report', 'installed', '-o', 'report.html');
    assert.ok(existsSync(path.join(workspace(), 'report.html')));
  });
});
