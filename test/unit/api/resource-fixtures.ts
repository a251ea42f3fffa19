// Valid manifests of the three kinds, to be changed by each test.

export interface Manifest {
  apiVersion: string;
  kind: string;
  metadata: Record<string, unknown>;
  spec: Record<string, unknown>;
  status?: Record<string, unknown>;
}

/** A pool as a user writes it. */
export function nodePoolManifest(spec: Record<string, unknown> = { flavor: 'b2-7' }, name = 'web'): Manifest {
  return {
    apiVersion: 'sluice.dev/v1alpha1',
    kind: 'NodePool',
    metadata: { name, uid: 'u1', resourceVersion: '7' },
    spec,
  };
}

/** A standalone cluster. */
export function workloadClusterManifest(spec: Record<string, unknown> = {}): Manifest {
  return {
    apiVersion: 'sluice.dev/v1alpha1',
    kind: 'WorkloadCluster',
    metadata: { name: 'one', namespace: 'tenants', uid: 'c1', resourceVersion: '3' },
    spec: {
      kubeconfig: { inCluster: true },
      openstack: {
        credentialsSecretRef: { name: 'cloud' },
        projectId: 'p1',
        network: 'nodes',
        images: [{ name: 'ubuntu-24.04' }],
      },
      ...spec,
    },
  };
}

/** A claim as Sluice writes it. */
export function nodeClaimManifest(status?: Record<string, unknown>): Manifest {
  return {
    apiVersion: 'sluice.dev/v1alpha1',
    kind: 'NodeClaim',
    metadata: { name: 'web-node-0a1b2c', namespace: 'tenants', uid: 'n1', resourceVersion: '9' },
    spec: {
      clusterUid: 'c1',
      clusterName: 'one',
      poolName: 'web',
      poolUid: 'u1',
      flavor: 'b2-7',
      flavorId: 'f1',
      zone: 'nova',
      region: 'R1',
      projectId: 'p1',
      imageId: 'i1',
      networkIds: ['net1'],
      securityGroups: [],
      labels: { 'sluice.dev/nodepool': 'web' },
      taints: [],
      templateHash: 'h',
      drainTimeoutSeconds: 600,
      drainForce: true,
      provisionTimeoutSeconds: 900,
    },
    ...(status === undefined ? {} : { status }),
  };
}
