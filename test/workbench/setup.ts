import { execFileSync } from 'node:child_process';
import type { TestProject } from 'vitest/node';
import { packageRoot } from '../../engine/package-root.ts';
import { type CodeServer, type Desktop, findCodeServer, findWorkbench, type NoWorkbench } from './which.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** Where suites run inside the extension host. */
    workbench: Desktop | CodeServer | NoWorkbench;
    /** What Playwright drives. */
    codeServer: CodeServer | NoWorkbench;
  }
}

/** Before the tests that need a workbench: builds what they run, and finds or fetches the workbench, once for all. */
export default async function setup({ provide }: TestProject): Promise<void> {
  execFileSync(process.execPath, ['esbuild.mjs', '--tests', '--quiet'], { cwd: packageRoot(), stdio: 'inherit' });
  const codeServer = await findCodeServer();
  provide('codeServer', codeServer);
  provide('workbench', await findWorkbench());
}
