import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';

/** A third of what the tests take is waiting (scenarios over loopback with clocks of their own), and by default one core is
 *  left to vitest itself: on two cores all files ran one after another, 205 s where three at a time take 98. */
const WAITING_WORKERS = 1;

// Everything that needs no outside server. The e2e and the real-cloud conformance have configurations of their own.
export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    exclude: ['test/e2e/**', 'node_modules/**'],
    maxWorkers: availableParallelism() + WAITING_WORKERS,
    testTimeout: 20_000, // a scenario over loopback HTTP takes seconds on a busy two-core machine
  },
});
