// The conformance of `Cloud` on a real OpenStack: `npm run test:openstack`, with the usual OS_CLIENT_CONFIG_FILE and OS_CLOUD.
// SLUICE_TEST_NETWORK, _IMAGE, _FLAVOR, _HUGE_FLAVOR name what to use there; the defaults are those of a cloud with one
// private network and the flavors of OVH.
import { readFile } from 'node:fs/promises';
import type { WorkloadCluster } from '../../src/api/workload-cluster.ts';
import type { Clock, Telemetry } from '../../src/controllers/ports.ts';
import { openCloud } from '../../src/openstack/cloud-port.ts';
import { cloudSuite, type CloudUnderTest } from './cloud.suite.ts';

const { env } = process;

cloudSuite('a real OpenStack', async (): Promise<CloudUnderTest> => {
  const cloudsYaml = await readFile(env.OS_CLIENT_CONFIG_FILE ?? '', 'utf8');
  const source = { cloudsYaml, cloud: env.OS_CLOUD, region: env.OS_REGION_NAME };
  const cloud = await openCloud(source, { clock, telemetry, labels: {} });
  const cluster: WorkloadCluster = {
    metadata: { name: 'conformance', namespace: 'default', uid: 'conformance', resourceVersion: '1' },
    spec: {
      kubeconfig: { inCluster: true },
      openstack: {
        credentialsSecretRef: { name: 'unused' },
        projectId: await cloud.currentProjectId(),
        network: env.SLUICE_TEST_NETWORK ?? 'nodepool-net',
        images: [{ name: env.SLUICE_TEST_IMAGE ?? 'Debian 12' }],
        securityGroups: ['default'],
      },
    },
  };
  const [zone] = (await cloud.resolveTargets(cluster)).zones;
  const hugeFlavor = env.SLUICE_TEST_HUGE_FLAVOR ?? 'too-large';
  const flavors = await cloud.listFlavors();
  return {
    cloud,
    cluster,
    flavor: env.SLUICE_TEST_FLAVOR ?? 'd2-2',
    zone: zone ?? '',
    ...(flavors.some(({ name }) => name === hugeFlavor) ? { hugeFlavor } : {}),
    openRefused: () =>
      openCloud({ ...source, cloudsYaml: withWrongSecret(cloudsYaml) }, { clock, telemetry, labels: {} }),
    close: () => cloud.close(),
  };
});

function withWrongSecret(cloudsYaml: string): string {
  return cloudsYaml.replaceAll(
    /(["']?(?:password|application_credential_secret)["']?\s*:\s*)["']?[^"',\s]+["']?/g,
    '$1"wrong"',
  );
}

const clock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  setTimer: (afterMs, run) => {
    const timer = setTimeout(run, afterMs);
    return () => clearTimeout(timer);
  },
};

const telemetry: Telemetry = {
  count: () => undefined,
  gauge: () => undefined,
  observe: () => undefined,
  forget: () => undefined,
  log: (level, message, fields) => {
    if (env.SLUICE_TEST_LOG !== undefined) console.error(level, message, JSON.stringify(fields));
  },
  decision: () => undefined,
};
