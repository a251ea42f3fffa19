// Every name that Sluice writes where others can read it: API group, labels, metadata keys, finalizers, managers.
// Decides nothing. Once published a name is API: change one only with a migration.

export const API_GROUP = 'sluice.dev';
export const API_VERSION = 'v1alpha1';
export const GROUP_VERSION = `${API_GROUP}/${API_VERSION}`;

/** Plural resource names, as in URLs. */
export const PLURALS = {
  NodePool: 'nodepools',
  NodeClaim: 'nodeclaims',
  WorkloadCluster: 'workloadclusters',
} as const;

/** Labels on nodes (workload plane) and on claims (management plane). */
export const LABELS = {
  nodePool: 'sluice.dev/nodepool',
  /** OVH's name for the same thing, so that existing selectors keep working. */
  nodePoolOvh: 'nodepool',
  nodePoolUid: 'sluice.dev/nodepool-uid',
  cluster: 'sluice.dev/cluster',
  instanceType: 'node.kubernetes.io/instance-type',
  zone: 'topology.kubernetes.io/zone',
  region: 'topology.kubernetes.io/region',
  hostname: 'kubernetes.io/hostname',
  arch: 'kubernetes.io/arch',
  os: 'kubernetes.io/os',
} as const;

/** Labels whose value Sluice or the kubelet alone decides: a template that named one would fight for it for ever. */
export const PROTECTED_LABELS: ReadonlySet<string> = new Set([
  LABELS.nodePool,
  LABELS.nodePoolUid,
  LABELS.cluster,
  LABELS.instanceType,
  LABELS.zone,
  LABELS.region,
  LABELS.hostname,
  LABELS.arch,
  LABELS.os,
]);

/** Keys of Nova server metadata; the values are uids. With a colon: Nova refuses a slash in a key
 *  (its pattern is [a-zA-Z0-9-_:. ]{1,255}). */
export const SERVER_METADATA = {
  cluster: 'sluice.dev:cluster',
  pool: 'sluice.dev:pool',
  claim: 'sluice.dev:claim',
} as const;

export const ANNOTATIONS = {
  /** Set by a person on a claim or node to have it replaced or removed first. */
  claim: 'sluice.dev/claim',
  safeToEvict: 'cluster-autoscaler.kubernetes.io/safe-to-evict',
  scaleDownDisabled: 'cluster-autoscaler.kubernetes.io/scale-down-disabled',
  doNotDisrupt: 'sluice.dev/do-not-disrupt',
  /** On a WorkloadCluster, by a person: until this RFC 3339 time, what vanished counts as gone. */
  acceptVanishedUntil: 'sluice.dev/accept-vanished-until',
  /** On a Node: the address of its floating IP. */
  floatingIp: 'sluice.dev/floating-ip',
  /** Last template keys that we put on a node, so that what left the template is taken off again. */
  managedKeys: 'sluice.dev/managed-keys',
} as const;

export const TAINTS = {
  draining: 'sluice.dev/draining',
  placing: 'sluice.dev/placing',
} as const;

export const FINALIZERS = {
  nodePool: 'sluice.dev/nodepool',
  nodeClaim: 'sluice.dev/nodeclaim',
  workloadCluster: 'sluice.dev/workloadcluster',
} as const;

export const FIELD_MANAGERS = {
  autoscaler: 'sluice-autoscaler',
  status: 'sluice-status',
  nodes: 'sluice-nodes',
} as const;

/** Name of the bootstrap token secret: `bootstrap-token-<6 chars>`, fixed by Kubernetes. */
export const BOOTSTRAP_TOKEN_NAMESPACE = 'kube-system';
export const BOOTSTRAP_TOKEN_GROUP = 'system:bootstrappers:kubeadm:default-node-token';

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** The provider id that we give to our nodes: `openstack:///<server id>`. */
export function formatProviderId(serverId: string): string {
  return `openstack:///${serverId}`;
}

/** Server id of a provider id in any of the three known forms (`openstack:///id`, `openstack://region/id`,
 *  `openstack:///region/id`); undefined when it is none of them. A hint, never authority. */
export function parseProviderId(providerId: string): string | undefined {
  if (!providerId.startsWith('openstack://')) return undefined;
  const last = providerId.slice(providerId.lastIndexOf('/') + 1).toLowerCase();
  const segments = providerId
    .slice('openstack://'.length)
    .split('/')
    .filter((segment) => segment !== '');
  return segments.length <= 2 && UUID.test(last) ? last : undefined;
}

/** Name of the Nova server group that keeps a pool's servers apart; the uids keep two clusters in one project apart. */
export function serverGroupName(owner: { readonly clusterUid: string; readonly poolUid: string }): string {
  return serverGroupPrefix(owner.clusterUid) + owner.poolUid;
}

/** What the names of all server groups of a cluster's pools start with. */
export function serverGroupPrefix(clusterUid: string): string {
  return `sluice-${clusterUid}-`;
}

/** Name of a claim, its server and its node: `<pool>-node-<6 hex>`. */
export function claimName(pool: string, hex6: string): string {
  return `${pool}-node-${hex6}`;
}
