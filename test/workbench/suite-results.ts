import { describe, it } from 'vitest';
import { needs } from '../support/needs.ts';
import { runSuites, type SuiteOptions } from './run-suites.ts';
import type { CodeServer, Desktop, NoWorkbench } from './which.ts';
import { createWorkspace } from './workspace.ts';

/**
 * Runs suites inside the extension host while tests are collected; each of their tests becomes one here. Where there is no
 * workbench they are left out with the reason.
 */
export function describeSuites(
  name: string,
  workbench: Desktop | CodeServer | NoWorkbench,
  prepare: (folder: string) => Promise<Omit<SuiteOptions, 'workspace'>>,
): void {
  describe(name, async () => {
    if (workbench.kind === 'none') {
      needs(false, workbench.reason);
      it('suites inside the extension host', () => {});
      return;
    }
    const workspace = await createWorkspace('shapes');
    try {
      const options = await prepare(workspace.folder);
      const records = await runSuites(workbench, { ...options, workspace: workspace.folder });
      if (records.length === 0) throw new Error('no suite has a test');
      for (const { title, state, error } of records) {
        it(title.join(' › '), (context) => {
          if (state === 'skipped') context.skip('left out by the suite itself');
          if (state === 'failed') throw new Error(error);
        });
      }
    } finally {
      await workspace.remove();
    }
  });
}
