import { defineConfig } from 'vitest/config';

// Everything that needs no outside server. The e2e and the real-cloud conformance have configurations of their own.
export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    exclude: ['test/e2e/**', 'node_modules/**'],
    testTimeout: 20_000, // a scenario over loopback HTTP takes seconds on a busy two-core machine
  },
});
