import { defineConfig } from 'vitest/config';

const common = { testTimeout: 120_000, hookTimeout: 120_000 };

export default defineConfig({
  test: {
    maxWorkers: 2,
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
