/** A workspace with a config, opened in a real workbench. */
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { packageRoot } from '../../engine/package-root.ts';
import { needs } from '../support/needs.ts';
import { offersCommand, openContainer } from './drive.ts';
import { openWorkbench, type Workbench } from './workbench.ts';
import { createWorkspace, type Workspace } from './workspace.ts';

const codeServer = inject('codeServer');

describe('a workspace with a config', () => {
  needs(codeServer.kind !== 'none', codeServer.kind === 'none' ? codeServer.reason : '');
  let workspace: Workspace;
  let bench: Workbench;
  beforeAll(async () => {
    if (codeServer.kind === 'none') return;
    workspace = await createWorkspace('shapes');
    bench = await openWorkbench(codeServer, {
      extension: { development: packageRoot() },
      workspace: workspace.folder,
    });
  });
  afterAll(async () => {
    await bench?.close();
    await workspace?.remove();
  });

  it('shows the container of SAGE, and the palette offers to launch', async () => {
    await openContainer(bench.page, 'SAGE');
    await bench.screenshots('container');
    expect(await offersCommand(bench.page, 'SAGE: Launch Training')).toBe(true);
    expect(bench.problems()).toEqual([]);
  });
});
