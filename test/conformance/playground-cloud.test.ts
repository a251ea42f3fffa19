// The conformance of `Cloud` on the playground: what holds on a real OpenStack holds on the double.
import { openCloud } from '../../src/openstack/cloud-port.ts';
import { DEFAULT_FLAVORS, DEFAULT_QUOTA, startPlayground } from '../../src/playground/start-playground.ts';
import type { CloudUnderTest } from './cloud-bench.ts';
import { cloudSuite } from './cloud.suite.ts';
import { quotaOfPlayground } from './project-quota.ts';
import { clock, conformanceCluster, openFresh, PLAYGROUND_REQUESTS_PER_SECOND, telemetry } from './stage.ts';

const DEPENDENCIES = { clock, telemetry, labels: {}, requestsPerSecond: PLAYGROUND_REQUESTS_PER_SECOND };

cloudSuite('the playground', async (): Promise<CloudUnderTest> => {
  const hugeFlavor = { name: 'too-large', vcpus: 128, memoryMiB: 4_000_000, diskGiB: 10 };
  const quota = { ...DEFAULT_QUOTA, cores: 1000, memoryMiB: 10_000_000 };
  const playground = await startPlayground({
    flavors: [...DEFAULT_FLAVORS, hugeFlavor],
    quota,
    timings: { buildMs: 20, deleteMs: 20 },
  });
  playground.setCloudFaults([{ operation: 'createServer', effect: 'noValidHost', flavor: hugeFlavor.name }]);
  const { cloudsYaml } = playground;
  const source = { cloudsYaml, cloud: 'playground', region: undefined };
  const cloud = await openCloud(source, DEPENDENCIES);
  const { projectId, networkName: network, imageName: image } = playground;
  const cluster = conformanceCluster({ projectId, network, image });
  const wrong = { ...source, cloudsYaml: cloudsYaml.replace(/(application_credential_secret: ).+/, '$1wrong') };
  return {
    cloud,
    cluster,
    flavor: 'b2-7',
    zone: 'zone-b',
    hugeFlavor: hugeFlavor.name,
    openRefused: () => openCloud(wrong, DEPENDENCIES),
    openFresh: () => openFresh(source, PLAYGROUND_REQUESTS_PER_SECOND),
    projectQuota: quotaOfPlayground(playground, quota),
    close: async () => {
      await cloud.close();
      await playground.close();
    },
  };
});
