// The end-to-end run: one file after the other, against real servers that somebody else has started.
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/e2e/**/*.e2e.ts'],
    fileParallelism: false,
    // One scenario waits for servers, nodes and pods many times; a single step has its own, shorter limit.
    testTimeout: 1_800_000,
    hookTimeout: 300_000,
    reporters: ['verbose'],
    bail: 1,
  },
});
