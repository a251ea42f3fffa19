// The conformance of `Cloud` on the playground: what holds on a real OpenStack holds on the double.
import type { WorkloadCluster } from '../../src/api/workload-cluster.ts';
import type { Clock, Telemetry } from '../../src/controllers/ports.ts';
import { openCloud } from '../../src/openstack/cloud-port.ts';
import { DEFAULT_FLAVORS, startPlayground } from '../../src/playground/start-playground.ts';
import { cloudSuite, type CloudUnderTest } from './cloud.suite.ts';

const clock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  setTimer: (afterMs, run) => {
    const timer = setTimeout(run, afterMs);
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

cloudSuite('the playground', async (): Promise<CloudUnderTest> => {
  const hugeFlavor = { name: 'too-large', vcpus: 128, memoryMiB: 4_000_000, diskGiB: 10 };
  const playground = await startPlayground({
    flavors: [...DEFAULT_FLAVORS, hugeFlavor],
    quota: { cores: 1000, memoryMiB: 10_000_000 },
    timings: { buildMs: 20, deleteMs: 20 },
  });
  playground.setCloudFaults([{ operation: 'createServer', effect: 'noValidHost', flavor: hugeFlavor.name }]);
  const { cloudsYaml } = playground;
  const source = { cloudsYaml, cloud: 'playground', region: undefined };
  const cloud = await openCloud(source, { clock, telemetry, labels: {} });
  const cluster: WorkloadCluster = {
    metadata: { name: 'conformance', namespace: 'default', uid: 'conformance', resourceVersion: '1' },
    spec: {
      kubeconfig: { inCluster: true },
      openstack: {
        credentialsSecretRef: { name: 'unused' },
        projectId: playground.projectId,
        network: playground.networkName,
        images: [{ name: playground.imageName }],
        securityGroups: ['default'],
      },
    },
  };
  const wrong = { ...source, cloudsYaml: cloudsYaml.replace(/(application_credential_secret: ).+/, '$1wrong') };
  return {
    cloud,
    cluster,
    flavor: 'b2-7',
    zone: 'zone-b',
    hugeFlavor: hugeFlavor.name,
    openRefused: () => openCloud(wrong, { clock, telemetry, labels: {} }),
    close: async () => {
      await cloud.close();
      await playground.close();
    },
  };
});
