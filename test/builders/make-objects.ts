// Builds a WorkloadCluster, flavors and whole ClusterObjects with valid defaults: nothing in the cluster, no limits.
import type { WorkloadCluster, WorkloadClusterSpec } from '../../src/api/workload-cluster.ts';
import type { ClusterObjects, Flavor } from '../../src/cluster/cluster-objects.ts';
import { NOW_MS } from './make-claim.ts';

/** A cluster `tenants/demo` in project-1. `spec` replaces whole top-level fields. */
export function makeCluster(spec: Partial<WorkloadClusterSpec> = {}): WorkloadCluster {
  return {
    apiVersion: 'sluice.dev/v1alpha1',
    kind: 'WorkloadCluster',
    metadata: {
      name: 'demo',
      namespace: 'tenants',
      uid: 'cluster-demo',
      resourceVersion: '1',
      generation: 1,
      creationTimestamp: '2026-01-01T00:00:00Z',
    },
    spec: {
      kubeconfig: { secretRef: { name: 'demo-kubeconfig' } },
      openstack: {
        credentialsSecretRef: { name: 'demo-clouds' },
        projectId: 'project-1',
        network: 'network-1',
        images: [{ name: 'node-image' }],
      },
      ...spec,
    },
  };
}

/** A flavor; the default is OVH's b3-16 (4 cores, 16,000 MiB, 100 GiB). */
export function makeFlavor(name = 'b3-16', fields: Partial<Flavor> = {}): Flavor {
  return {
    id: `flavor-${name}`,
    name,
    vcpus: 4,
    memoryMiB: 16_000,
    diskGiB: 100,
    extraSpecs: new Map(),
    ...fields,
  };
}

/** Everything one decision looks at. `fields` replaces whole lists. */
export function makeObjects(fields: Partial<ClusterObjects> = {}): ClusterObjects {
  return {
    cluster: makeCluster(),
    observedAtMs: NOW_MS,
    nodePools: [],
    claims: [],
    pods: [],
    nodes: [],
    podDisruptionBudgets: [],
    daemonSets: [],
    persistentVolumeClaims: [],
    persistentVolumes: [],
    storageClasses: [],
    csiNodes: [],
    namespaces: [{ uid: 'namespace-default', name: 'default', labels: new Map() }],
    flavors: [makeFlavor()],
    targets: {
      networkId: 'network-1',
      subnetId: undefined,
      images: [{ id: 'image-1', name: 'node-image', flavors: undefined }],
      zones: ['zone-a'],
      region: 'region-1',
    },
    quota: { serversLeft: undefined, coresLeft: undefined, memoryMiBLeft: undefined },
    prices: undefined,
    backoffs: [],
    frozen: undefined,
    ...fields,
  };
}
