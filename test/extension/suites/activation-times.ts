/** For test/bench/activation.ts: how long our extension and empty ones take to activate, in this extension host. */
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { it } from 'mocha';
import * as vscode from 'vscode';

it('activates them all', async () => {
  const folder = vscode.workspace.workspaceFolders![0]!.uri.fsPath;
  const milliseconds: Record<string, number> = {};
  await idle();
  for (const id of process.env['SAGE_BENCH_ACTIVATE']!.split(',')) {
    const extension = vscode.extensions.getExtension(id);
    if (!extension) throw new Error(`${id} is not there`);
    if (extension.isActive) throw new Error(`${id} was active before it was asked to be`);
    const start = performance.now();
    await extension.activate();
    milliseconds[id] = performance.now() - start;
  }
  writeFileSync(path.join(folder, 'activation.json'), JSON.stringify(milliseconds));
});

/** When the extensions that start with the host have started: its timers are on time for a second. */
async function idle(): Promise<void> {
  for (let calm = 0; calm < 20;) {
    const start = performance.now();
    await new Promise((resolve) => setTimeout(resolve, 50));
    calm = performance.now() - start < 60 ? calm + 1 : 0;
  }
}
