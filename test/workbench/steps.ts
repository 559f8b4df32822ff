import { beforeEach } from 'vitest';
import type { Workbench } from './workbench.ts';

/**
 * Makes the tests of a `describe` steps of one way: what comes after a step that failed is not reached, and fails at
 * once. Of the one that failed there is a screenshot.
 * @param bench the workbench, once it is open
 */
export function inSteps(bench: () => Workbench | undefined): void {
  let broken = false;
  beforeEach(({ task, onTestFailed }) => {
    if (broken) throw new Error('not reached: a step before this one has failed');
    onTestFailed(async () => {
      broken = true;
      await bench()?.screenshot(`failed-${task.name.slice(0, 30).replaceAll(/\W+/g, '-')}`);
    });
  });
}
