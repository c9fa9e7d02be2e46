import { defineConfig } from 'vitest/config';

/** Tests of the whole product: each starts servers and workers of its own and keeps both cores of a small machine busy. */
const whole = ['test/soak/**/*.test.ts', 'test/crash/**/*.test.ts', 'test/e2e/**/*.test.ts'];

export default defineConfig({
  test: {
    testTimeout: 60_000,
    hookTimeout: 120_000,
    pool: 'forks',
    maxWorkers: 2,
    // the seeds of a soak run side by side, each with servers and workers of its own
    maxConcurrency: 2,
    // a failure says what was there, also where only its message is kept
    chaiConfig: { truncateThreshold: 2000 },
    // the SDK is pinned; its notice about the Node version of 2027 would fill every log
    env: { AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true' },
    projects: [
      {
        extends: true,
        test: { name: 'parts', include: ['test/**/*.test.ts'], exclude: whole, sequence: { groupOrder: 0 } },
      },
      { extends: true, test: { name: 'whole', include: whole, sequence: { groupOrder: 1 } } },
    ],
  },
});
