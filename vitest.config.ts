import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/{unit,e2e,worker,webview}/**/*.test.ts'],
    testTimeout: 120_000,
    hookTimeout: 120_000,
    maxWorkers: 2,
  },
});
