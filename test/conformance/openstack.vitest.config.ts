// Conformance on a real OpenStack, started by main.ts. Not part of `npm test`: it needs a cloud.
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/conformance/openstack-*.conf.ts'],
    fileParallelism: false, // one project, one quota
  },
});
