// Conformance on a real OpenStack. Not part of `npm test`: it needs a cloud.
import { defineConfig } from 'vitest/config';

for (const name of ['OS_CLIENT_CONFIG_FILE', 'OS_CLOUD']) {
  if ((process.env[name] ?? '') !== '') continue;
  process.stderr.write(`${name} must be set: npm run test:openstack runs on the cloud that it names\n`);
  process.exit(2);
}

export default defineConfig({
  test: {
    include: ['test/conformance/openstack-*.conf.ts'],
    fileParallelism: false, // one project, one quota
  },
});
