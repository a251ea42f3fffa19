// The conformance of `Cloud` with further networks, floating IPs and server groups on the playground: what holds on a real
// OpenStack holds on the double.
import type { WorkloadCluster } from '../../src/api/workload-cluster.ts';
import type { Clock, Telemetry } from '../../src/controllers/ports.ts';
import { openCloud } from '../../src/openstack/cloud-port.ts';
import { DEFAULT_FLAVORS, startPlayground } from '../../src/playground/start-playground.ts';
import { networksSuite, type NetworksUnderTest } from './cloud-networks.suite.ts';

/** Ten requests a second would be most of the time that this takes, and are not what it is about. */
const CLOCK_SPEED = 5;

const clock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now() * CLOCK_SPEED,
  setTimer: (afterMs, run) => {
    const timer = setTimeout(run, afterMs / CLOCK_SPEED);
    return () => clearTimeout(timer);
  },
};

const telemetry: Telemetry = {
  count: () => {},
  gauge: () => {},
  observe: () => {},
  forget: () => {},
  log: () => {},
  decision: () => {},
};

networksSuite('the playground', async (): Promise<NetworksUnderTest> => {
  const disklessFlavor = { name: 'diskless', vcpus: 1, memoryMiB: 1000, diskGiB: 0 };
  const playground = await startPlayground({
    flavors: [...DEFAULT_FLAVORS, disklessFlavor],
    timings: { buildMs: 20, deleteMs: 20 },
  });
  const { cloudsYaml, projectId, networkName, imageName } = playground;
  const cloud = await openCloud(
    { cloudsYaml, cloud: 'playground', region: undefined },
    { clock, telemetry, labels: {} },
  );
  const cluster: WorkloadCluster = {
    metadata: { name: 'conformance', namespace: 'default', uid: 'conformance', resourceVersion: '1' },
    spec: {
      kubeconfig: { inCluster: true },
      openstack: {
        credentialsSecretRef: { name: 'unused' },
        projectId,
        network: networkName,
        images: [{ name: imageName }],
        securityGroups: ['default'],
      },
    },
  };
  return {
    cloud,
    cluster,
    flavor: 'b2-7',
    zone: 'zone-a',
    additionalNetwork: playground.storageNetworkName,
    externalNetwork: playground.externalNetworkName,
    disklessFlavor: disklessFlavor.name,
    limitTo: async (limits) => playground.setQuota(limits),
    close: async () => {
      await cloud.close();
      await playground.close();
    },
  };
});
