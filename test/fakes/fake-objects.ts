// Valid objects of every kind that the controllers read, each with defaults that a test overrides by field.
import type { NodeClaim, NodeClaimSpec, NodeClaimStatus } from '../../src/api/node-claim.ts';
import type { NodePool, NodePoolSpec } from '../../src/api/node-pool.ts';
import type { WorkloadCluster, WorkloadClusterSpec } from '../../src/api/workload-cluster.ts';
import type { NodeObject, PodObject, PodShape, Resources } from '../../src/cluster/cluster-objects.ts';
import { FAKE_EPOCH_MS } from './fake-clock.ts';

export const CLUSTER_UID = 'cluster-uid-1';
export const POOL_UID = 'pool-uid-1';
export const NAMESPACE = 'tenant-1';

export const NO_RESOURCES: Resources = {
  cpuMillis: 0,
  memoryBytes: 0,
  ephemeralBytes: 0,
  pods: 0,
  extended: new Map(),
};

const GIB = 1024 ** 3;
export const B2_7: Resources = {
  cpuMillis: 2000,
  memoryBytes: 6 * GIB,
  ephemeralBytes: 40 * GIB,
  pods: 110,
  extended: new Map(),
};

export function makeCluster(spec: Partial<WorkloadClusterSpec> = {}): WorkloadCluster {
  return {
    metadata: { name: 't1', namespace: NAMESPACE, uid: CLUSTER_UID, resourceVersion: '1', generation: 1 },
    spec: {
      kubeconfig: { secretRef: { name: 't1-kubeconfig' } },
      openstack: {
        credentialsSecretRef: { name: 't1-cloud' },
        projectId: 'project-1',
        network: 'private',
        images: [{ name: 'node-image' }],
      },
      ...spec,
    },
  };
}

export function makePool(name = 'web', spec: Partial<NodePoolSpec> = {}): NodePool {
  return {
    metadata: { name, uid: POOL_UID, resourceVersion: '1', generation: 1 },
    spec: { flavor: 'b2-7', desiredNodes: 1, ...spec },
  };
}

export function makeClaimSpec(spec: Partial<NodeClaimSpec> = {}): NodeClaimSpec {
  return {
    clusterUid: CLUSTER_UID,
    clusterName: 't1',
    poolName: 'web',
    poolUid: POOL_UID,
    flavor: 'b2-7',
    flavorId: 'flavor-b2-7',
    zone: 'nova',
    region: 'RegionOne',
    projectId: 'project-1',
    imageId: 'image-1',
    networkIds: ['network-1'],
    securityGroups: ['default'],
    labels: { 'sluice.dev/nodepool': 'web', nodepool: 'web' },
    taints: [],
    templateHash: 'hash-1',
    drainTimeoutSeconds: 600,
    drainForce: true,
    provisionTimeoutSeconds: 900,
    ...spec,
  };
}

/** A claim as the management cluster stores it. */
export function makeClaim(
  name = 'web-node-abcdef',
  parts: {
    readonly spec?: Partial<NodeClaimSpec>;
    readonly status?: NodeClaimStatus;
    readonly metadata?: Partial<NodeClaim['metadata']>;
  } = {},
): NodeClaim {
  return {
    metadata: {
      name,
      namespace: NAMESPACE,
      uid: 'claim-uid-000001',
      resourceVersion: '1',
      creationTimestamp: new Date(FAKE_EPOCH_MS).toISOString(),
      finalizers: ['sluice.dev/nodeclaim'],
      ...parts.metadata,
    },
    spec: makeClaimSpec(parts.spec),
    ...(parts.status === undefined ? {} : { status: parts.status }),
  };
}

export function makeNode(name: string, parts: Partial<NodeObject> = {}): NodeObject {
  return {
    uid: `uid-of-${name}`,
    name,
    resourceVersion: '1',
    createdMs: FAKE_EPOCH_MS,
    deleting: false,
    labels: new Map([['kubernetes.io/hostname', name]]),
    annotations: new Map(),
    finalizers: [],
    taints: [],
    unschedulable: false,
    providerId: '',
    allocatable: B2_7,
    ready: 'True',
    readyChangedMs: FAKE_EPOCH_MS,
    volumesAttached: 0,
    ...parts,
  };
}

export function makeShape(parts: Partial<PodShape> = {}): PodShape {
  return {
    index: 0,
    key: 'default/empty',
    namespace: 'default',
    labels: new Map(),
    requests: { ...NO_RESOURCES, pods: 1 },
    nodeSelector: new Map(),
    nodeAffinity: undefined,
    tolerations: [],
    hostPorts: [],
    spread: [],
    podAffinity: [],
    podAntiAffinity: [],
    volumes: [],
    ...parts,
  };
}

/** A running pod of a ReplicaSet; give nodeName '' and phase Pending for one that waits. */
export function makePod(name: string, parts: Partial<PodObject> = {}): PodObject {
  return {
    uid: `uid-of-${name}`,
    namespace: 'default',
    name,
    createdMs: FAKE_EPOCH_MS,
    version: 0,
    deleting: false,
    phase: 'Running',
    nodeName: 'web-node-abcdef',
    nominatedNodeName: '',
    schedulerName: 'default-scheduler',
    priority: 0,
    gated: false,
    unschedulable: false,
    controller: { kind: 'ReplicaSet', name: 'web', uid: 'rs-1' },
    mirror: false,
    safeToEvict: undefined,
    doNotDisrupt: false,
    localStorage: false,
    shape: makeShape(),
    ...parts,
  };
}
