import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** Files that take minutes, mostly on one core. */
const long = ['test/worker/python.test.ts', 'test/worker/setup-torch.test.ts', 'test/e2e/exact-resume.test.ts'];

/** Long files first, so that at the end no core waits for the other. */
class LongFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId }: TestSpecification) => long.findIndex((file) => moduleId.endsWith(file));
    const sorted = await super.sort(files);
    return [...sorted.filter((file) => rank(file) >= 0), ...sorted.filter((file) => rank(file) < 0)];
  }
}

const common = { testTimeout: 120_000, hookTimeout: 120_000 };

export default defineConfig({
  test: {
    maxWorkers: 2,
    sequence: { sequencer: LongFirst },
    projects: [
      { test: { ...common, name: 'engine', include: ['test/{unit,e2e,worker,webview}/**/*.test.ts'] } },
      {
        test: {
          ...common,
          name: 'workbench',
          include: ['test/{extension,workbench}/**/*.test.ts'],
          globalSetup: 'test/workbench/setup.ts',
          // A workbench, its browser and a trainer keep two cores busy by themselves.
          maxWorkers: 1,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
