/** `node bootstrap.mjs workbench`: finds or installs what the tests in a real VS Code run in, and says what that is. */
import { findCodeServer, findWorkbench } from './which.ts';

for (const found of [await findCodeServer(), await findWorkbench()]) {
  if (found.kind === 'code-server') console.log(`code-server: ${found.folder}`);
  if (found.kind === 'desktop') console.log(`VS Code: ${found.executable}`);
  if (found.kind === 'none') console.log(`none: ${found.reason}`);
}
