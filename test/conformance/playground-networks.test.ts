// The conformance of `Cloud` with further networks, floating IPs and server groups on the playground: what holds on a real
// OpenStack holds on the double.
import { openCloud } from '../../src/openstack/cloud-port.ts';
import { DEFAULT_FLAVORS, DEFAULT_QUOTA, startPlayground } from '../../src/playground/start-playground.ts';
import { networksSuite, type NetworksUnderTest } from './cloud-networks.suite.ts';
import { quotaOfPlayground } from './project-quota.ts';
import { clock, conformanceCluster, PLAYGROUND_REQUESTS_PER_SECOND, telemetry } from './stage.ts';

networksSuite('the playground', async (): Promise<NetworksUnderTest> => {
  const disklessFlavor = { name: 'diskless', vcpus: 1, memoryMiB: 1000, diskGiB: 0 };
  const playground = await startPlayground({
    flavors: [...DEFAULT_FLAVORS, disklessFlavor],
    timings: { buildMs: 20, deleteMs: 20 },
  });
  const { cloudsYaml, projectId, networkName, imageName } = playground;
  const source = { cloudsYaml, cloud: 'playground', region: undefined };
  const requestsPerSecond = PLAYGROUND_REQUESTS_PER_SECOND;
  const cloud = await openCloud(source, { clock, telemetry, labels: {}, requestsPerSecond });
  const cluster = conformanceCluster({ projectId, network: networkName, image: imageName });
  return {
    cloud,
    cluster,
    flavor: 'b2-7',
    zone: 'zone-a',
    additionalNetwork: playground.storageNetworkName,
    externalNetwork: playground.externalNetworkName,
    disklessFlavor: disklessFlavor.name,
    projectQuota: quotaOfPlayground(playground, DEFAULT_QUOTA),
    close: async () => {
      await cloud.close();
      await playground.close();
    },
  };
});
