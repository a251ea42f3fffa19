// The conformance of `Cloud` on a real OpenStack, part of `npm run test:openstack`. SLUICE_TEST_HUGE_FLAVOR names a flavor
// that no host can take (default too-large; left out where there is none).
import { openCloud } from '../../src/openstack/cloud-port.ts';
import type { CloudUnderTest } from './cloud-bench.ts';
import { cloudSuite } from './cloud.suite.ts';
import { quotaOfProject } from './project-quota.ts';
import { readRealCloud } from './real-cloud.ts';
import { clock, conformanceCluster, openFresh, telemetry } from './stage.ts';

cloudSuite('a real OpenStack', async (): Promise<CloudUnderTest> => {
  const { source, operator, flavor, network, image } = await readRealCloud();
  const cloud = await openCloud(source, { clock, telemetry, labels: {} });
  const projectId = await cloud.currentProjectId();
  const cluster = conformanceCluster({ projectId, network, image });
  const [zone] = (await cloud.resolveTargets(cluster)).zones;
  const hugeFlavor = process.env['SLUICE_TEST_HUGE_FLAVOR'] ?? 'too-large';
  const flavors = await cloud.listFlavors();
  const wrong = { ...source, cloudsYaml: withWrongSecret(source.cloudsYaml) };
  return {
    cloud,
    cluster,
    flavor,
    zone: zone ?? '',
    ...(flavors.some(({ name }) => name === hugeFlavor) ? { hugeFlavor } : {}),
    openRefused: () => openCloud(wrong, { clock, telemetry, labels: {} }),
    openFresh: () => openFresh(source),
    ...(operator === undefined ? {} : { projectQuota: quotaOfProject(operator, projectId) }),
    close: () => cloud.close(),
  };
});

function withWrongSecret(cloudsYaml: string): string {
  return cloudsYaml.replaceAll(
    /(["']?(?:password|application_credential_secret)["']?\s*:\s*)["']?[^"',\s]+["']?/g,
    '$1"wrong"',
  );
}
