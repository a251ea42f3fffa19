// The whole intent of one new node, as its claim carries it: nothing is left to whoever makes the server.
import { LABELS, serverGroupName, TAINTS } from '../api/names.ts';
import type { NodeClaimSpec } from '../api/node-claim.ts';
import type { PoolSettings, PoolTaint } from '../api/defaults.ts';
import type { ClusterObjects, Resources } from '../cluster/cluster-objects.ts';
import { compareText } from './claim-facts.ts';
import type { Offer } from './pool-offers.ts';
import { templateHash } from './template-hash.ts';

const PLACING = { key: TAINTS.placing, effect: 'NoSchedule' } as const;
/** The CRD's limit for a list of taints. */
const TAINTS_MAX = 50;
/** The CRD's limit for `expected.extended`. */
const EXTENDED_MAX = 32;

/** The spec of a claim for one node of `offer`. */
export function claimSpecOf(offer: Offer, objects: ClusterObjects): NodeClaimSpec {
  const { pool, template } = offer;
  const { settings } = pool;
  const { cluster, targets } = objects;
  const { openstack } = cluster.spec;
  /** What an existing server cannot change: another value of these needs another server. */
  const server = {
    flavorId: template.flavor.id,
    imageId: offer.imageId,
    networkIds: [targets.networkId],
    ...(targets.subnetId === undefined ? {} : { subnetId: targets.subnetId }),
    ...additionalNetworksOf(objects),
    ...floatingNetworkOf(settings, objects),
    securityGroups: [...settings.securityGroups],
    ...(openstack.keyPair === undefined ? {} : { keyPair: openstack.keyPair }),
    ...serverGroupOf(offer.pool, objects),
  };
  return {
    clusterUid: cluster.metadata.uid,
    clusterName: cluster.metadata.name,
    poolName: pool.name,
    poolUid: pool.pool.metadata.uid,
    flavor: template.flavor.name,
    zone: template.zone,
    region: targets.region,
    projectId: openstack.projectId,
    ...server,
    labels: labelsOf(offer, targets.region),
    ...(settings.annotations.size === 0 ? {} : { annotations: sortedRecord(settings.annotations) }),
    ...(settings.finalizers.length === 0 ? {} : { finalizers: [...settings.finalizers] }),
    taints: settings.taints.map(plainTaint),
    ...(settings.unschedulable === undefined ? {} : { unschedulable: settings.unschedulable }),
    ...startupTaintsOf(settings.startupTaints, objects),
    templateHash: templateHash(server),
    drainTimeoutSeconds: Math.round(settings.drainTimeoutMs / 1000),
    drainForce: settings.drainForce,
    provisionTimeoutSeconds: Math.max(1, Math.round(settings.provisionTimeoutMs / 1000)),
    expected: expectedOf(template.allocatable),
  };
}

function additionalNetworksOf({ targets }: ClusterObjects): Pick<NodeClaimSpec, 'additionalNetworks'> {
  const networks = targets.additionalNetworks ?? [];
  if (networks.length === 0) return {};
  return {
    additionalNetworks: networks.map(({ networkId, subnetId }) =>
      subnetId === undefined ? { networkId } : { networkId, subnetId },
    ),
  };
}

/** Offers of a pool with floating IPs stand only where the operator names an external network. */
function floatingNetworkOf(
  settings: PoolSettings,
  { targets }: ClusterObjects,
): Pick<NodeClaimSpec, 'floatingNetworkId'> {
  const { externalNetworkId } = targets;
  return settings.floatingIps && externalNetworkId !== undefined ? { floatingNetworkId: externalNetworkId } : {};
}

function serverGroupOf(
  { pool, settings }: Offer['pool'],
  { cluster }: ClusterObjects,
): Pick<NodeClaimSpec, 'serverGroup' | 'serverGroupPolicy'> {
  if (settings.antiAffinity === 'none') return {};
  const serverGroup = serverGroupName({ clusterUid: cluster.metadata.uid, poolUid: pool.metadata.uid });
  return settings.antiAffinity === 'strict'
    ? { serverGroup }
    : { serverGroup, serverGroupPolicy: 'soft-anti-affinity' };
}

/** The pool's, and ours where pods are to be placed exactly: such a node is opened once they are named. */
function startupTaintsOf(
  ofPool: readonly PoolTaint[],
  { placing }: ClusterObjects,
): Pick<NodeClaimSpec, 'startupTaints'> {
  const ours = placing === true && ofPool.length < TAINTS_MAX ? [PLACING] : [];
  const startupTaints = [...ofPool.filter(({ key }) => key !== PLACING.key).map(plainTaint), ...ours];
  return startupTaints.length === 0 ? {} : { startupTaints };
}

function labelsOf(offer: Offer, region: string): Record<string, string> {
  const { pool, template } = offer;
  const labels = new Map(pool.settings.labels);
  // Ours last: a user's label must not change which pool a node belongs to.
  labels.set(LABELS.nodePool, pool.name);
  labels.set(LABELS.nodePoolOvh, pool.name);
  labels.set(LABELS.instanceType, template.flavor.name);
  if (template.zone !== '') labels.set(LABELS.zone, template.zone);
  if (region !== '') labels.set(LABELS.region, region);
  return sortedRecord(labels);
}

function expectedOf(allocatable: Resources): NonNullable<NodeClaimSpec['expected']> {
  const extended = [...allocatable.extended]
    .sort(([a], [b]) => compareText(a, b))
    .slice(0, EXTENDED_MAX)
    .map(([name, amount]): [string, number] => [name, Math.floor(amount)]);
  return {
    cpuMillis: Math.floor(allocatable.cpuMillis),
    memoryBytes: Math.floor(allocatable.memoryBytes),
    ephemeralBytes: Math.floor(allocatable.ephemeralBytes),
    pods: Math.floor(allocatable.pods),
    ...(extended.length === 0 ? {} : { extended: Object.fromEntries(extended) }),
  };
}

function plainTaint(taint: PoolTaint): NodeClaimSpec['taints'][number] {
  return { key: taint.key, effect: taint.effect, ...(taint.value === '' ? {} : { value: taint.value }) };
}

function sortedRecord(map: ReadonlyMap<string, string>): Record<string, string> {
  return Object.fromEntries([...map].sort(([a], [b]) => compareText(a, b)));
}
