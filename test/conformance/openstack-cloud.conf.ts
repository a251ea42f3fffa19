// The conformance of `Cloud` on a real OpenStack: `npm run test:openstack`, with the usual OS_CLIENT_CONFIG_FILE and OS_CLOUD.
// SLUICE_TEST_NETWORK, _IMAGE, _FLAVOR, _HUGE_FLAVOR name what to use there; the defaults are those of a cloud with one
// private network and the flavors of OVH.
import { readFile } from 'node:fs/promises';
import { openCloud } from '../../src/openstack/cloud-port.ts';
import { cloudSuite, type CloudUnderTest } from './cloud.suite.ts';
import { clock, conformanceCluster, telemetry } from './stage.ts';

const { env } = process;

cloudSuite('a real OpenStack', async (): Promise<CloudUnderTest> => {
  const cloudsYaml = await readFile(env.OS_CLIENT_CONFIG_FILE ?? '', 'utf8');
  const source = { cloudsYaml, cloud: env.OS_CLOUD, region: env.OS_REGION_NAME };
  const cloud = await openCloud(source, { clock, telemetry, labels: {} });
  const cluster = conformanceCluster({
    projectId: await cloud.currentProjectId(),
    network: env.SLUICE_TEST_NETWORK ?? 'nodepool-net',
    image: env.SLUICE_TEST_IMAGE ?? 'Debian 12',
  });
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
