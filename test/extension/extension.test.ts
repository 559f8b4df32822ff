/** Runs the suites of this folder inside the extension host of a real workbench. */
import { inject } from 'vitest';
import { packageRoot } from '../../engine/package-root.ts';
import { describeSuites } from '../workbench/suite-results.ts';

describeSuites('in the extension host', inject('workbench'), async () => ({
  extension: { development: packageRoot() },
}));
