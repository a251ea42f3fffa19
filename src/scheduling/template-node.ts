// The node that a pool would create: what pods would find there before it exists.
import { LABELS } from '../api/names.ts';
import { poolSettings } from '../api/defaults.ts';
import type { NodePool } from '../api/node-pool.ts';
import type { WorkloadCluster } from '../api/workload-cluster.ts';
import type {
  ClusterObjects,
  CsiNodeObject,
  Flavor,
  NodeObject,
  PodShape,
  Resources,
  Taint,
} from '../cluster/cluster-objects.ts';
import { expectedLabels, lastingTaints } from '../cluster/expected-node.ts';
import { arrayOf } from '../cluster/listed.ts';
import { daemonsFor } from './daemon-pods.ts';
import { likeNode } from './devices/like-nodes.ts';
import { flavorGpus, GPU_RESOURCE } from './flavor-gpus.ts';

export interface TemplateNode {
  /** Equal key = same pool, flavor and zone. */
  readonly key: string;
  readonly poolName: string;
  readonly flavor: Flavor;
  /** Empty: the cloud chooses. */
  readonly zone: string;
  /** What Sluice asserts on the node; what its kubelet adds by itself comes with its name, when it is added to a fork. */
  readonly labels: ReadonlyMap<string, string>;
  /** Without startup taints. */
  readonly taints: readonly Taint[];
  readonly unschedulable: boolean;
  readonly allocatable: Resources;
  readonly daemonShapes: readonly PodShape[];
  /** CSI driver → most volumes, learned from a node of the pool. */
  readonly volumeLimits: ReadonlyMap<string, number>;
  /** CSI drivers that came to a node of the pool; absent: none tells of CSI. */
  readonly drivers?: ReadonlySet<string>;
  /** Features that all of the pool's newest nodes declare; absent: there is none to learn from. */
  readonly features?: ReadonlySet<string>;
  /** Node of the pool whose devices it will have the like of; empty: none to learn from. Absent: devices are not looked at. */
  readonly devicesLike?: string;
}

/** What OVH documents for its managed nodes: 150m + 5m per core, 1,590 MiB, 110 pods. Of the memory 100 MiB are kubelet's
 *  eviction threshold, which is always taken off; the rest is the default of `reserved.memoryMiB`. */
const RESERVED_CPU_MILLIS = 150;
const RESERVED_CPU_MILLIS_PER_CORE = 5;
const RESERVED_MEMORY_MIB = 1490;
const EVICTION_THRESHOLD_MIB = 100;
const PODS_MAX = 110;
/** OVH's rule for the disk: log10(GB) × 10 GB and 10 %. */
const RESERVED_EPHEMERAL_GIB_PER_DECADE = 10;
const RESERVED_EPHEMERAL_PERCENT = 10;
const MIB = 1024 ** 2;
const GIB = 1024 ** 3;
/** How many of the newest nodes are asked what they really offer: enough to see one odd node, few enough to follow an
 *  image or kubelet that changed. */
const NODES_LEARNED_FROM = 5;

/** What pods can have of a flavor by the rule of `spec.reserved`; never below zero, rounded down. Its GPUs count as the
 *  usual device plugin names them, until a node of the pool shows otherwise: else no GPU pool would grow from zero. */
export function allocatableOf(flavor: Flavor, cluster: WorkloadCluster): Resources {
  const reserved = cluster.spec.reserved ?? {};
  const cpuReserved =
    (reserved.cpuMillis ?? RESERVED_CPU_MILLIS) +
    (reserved.cpuMillisPerCore ?? RESERVED_CPU_MILLIS_PER_CORE) * flavor.vcpus;
  const memoryReserved =
    (reserved.memoryMiB ?? RESERVED_MEMORY_MIB) +
    EVICTION_THRESHOLD_MIB +
    ((reserved.memoryPercent ?? 0) / 100) * flavor.memoryMiB;
  const gpus = flavorGpus(flavor);
  return {
    cpuMillis: Math.max(0, Math.floor(flavor.vcpus * 1000 - cpuReserved)),
    memoryBytes: Math.max(0, Math.floor((flavor.memoryMiB - memoryReserved) * MIB)),
    ephemeralBytes: Math.max(0, Math.floor(ephemeralGiB(flavor.diskGiB, reserved.ephemeralPercent) * GIB)),
    pods: reserved.podsMax ?? PODS_MAX,
    extended: gpus === 0 ? new Map() : new Map([[GPU_RESOURCE, gpus]]),
  };
}

/** The node that `pool` would create of this flavor in this zone ('' = the cloud chooses). Allocatable is the least of
 *  the newest Ready nodes of the same pool and flavor, else flavor minus reserved; DaemonSet pods are listed, not
 *  subtracted. */
export function templateNode(options: {
  readonly pool: NodePool;
  readonly flavor: Flavor;
  readonly zone: string;
  readonly objects: ClusterObjects;
}): TemplateNode {
  const { pool, flavor, zone, objects } = options;
  const settings = poolSettings(pool, objects.cluster);
  const poolName = pool.metadata.name;
  const labels = new Map([
    ...settings.labels,
    [LABELS.nodePool, poolName] as const,
    [LABELS.nodePoolOvh, poolName] as const,
    [LABELS.instanceType, flavor.name] as const,
  ]);
  if (zone !== '') labels.set(LABELS.zone, zone);
  if (objects.targets.region !== '') labels.set(LABELS.region, objects.targets.region);
  const taints = lastingTaints(settings.taints, settings.startupTaints);
  const unschedulable = settings.unschedulable ?? false;
  const siblings = readySiblings(pool, { flavor, objects });
  const csi = csiNodesOf(siblings, objects);
  const facts = { name: '', labels: expectedLabels({ name: '', zone, labels }), taints, unschedulable };
  const daemons = daemonsFor({ ...facts, volumeLimits: new Map() }, objects.daemonSets);
  return {
    key: JSON.stringify([poolName, flavor.name, zone]),
    poolName,
    flavor,
    zone,
    labels,
    taints,
    unschedulable,
    allocatable: siblings.length === 0 ? allocatableOf(flavor, objects.cluster) : leastOf(siblings),
    daemonShapes: daemons.map((daemonSet) => daemonSet.shape),
    volumeLimits: learnedLimits(csi),
    ...(csi.length === 0 ? {} : { drivers: new Set(csi.flatMap((one) => [...(one.drivers ?? one.limits.keys())])) }),
    ...(siblings.length === 0 ? {} : { features: sharedFeatures(siblings) }),
    ...(objects.resourceSlices === undefined
      ? {}
      : { devicesLike: likeNode(objects, { poolUid: pool.metadata.uid, flavor: flavor.name }) }),
  };
}

function ephemeralGiB(diskGiB: number, percent: number | undefined): number {
  if (percent !== undefined) return diskGiB * (1 - percent / 100);
  const decades = diskGiB > 1 ? Math.log10(diskGiB) : 0;
  return diskGiB * (1 - RESERVED_EPHEMERAL_PERCENT / 100) - RESERVED_EPHEMERAL_GIB_PER_DECADE * decades;
}

/** Newest first. By claims, not by labels: anyone in the cluster may label a node. */
function readySiblings(
  pool: NodePool,
  of: { readonly flavor: Flavor; readonly objects: ClusterObjects },
): readonly NodeObject[] {
  const nodes = new Map(arrayOf(of.objects.nodes).map((node) => [node.name, node]));
  return of.objects.claims
    .filter(({ spec, status }) => {
      return spec.poolUid === pool.metadata.uid && spec.flavor === of.flavor.name && status?.phase === 'Ready';
    })
    .flatMap((claim) => nodes.get(claim.status?.nodeName ?? claim.metadata.name) ?? [])
    .filter((node) => node.ready === 'True' && node.allocatable.cpuMillis > 0)
    .sort((left, right) => right.createdMs - left.createdMs || (left.name < right.name ? -1 : 1))
    .slice(0, NODES_LEARNED_FROM);
}

/** Least of each axis; of extended resources the most, because a device plugin that is not up yet offers none. */
function leastOf(nodes: readonly NodeObject[]): Resources {
  const least = (axis: 'cpuMillis' | 'memoryBytes' | 'ephemeralBytes' | 'pods'): number =>
    Math.min(...nodes.map((node) => node.allocatable[axis]));
  const extended = new Map<string, number>();
  for (const node of nodes) {
    for (const [name, amount] of node.allocatable.extended)
      extended.set(name, Math.max(amount, extended.get(name) ?? 0));
  }
  return {
    cpuMillis: least('cpuMillis'),
    memoryBytes: least('memoryBytes'),
    ephemeralBytes: least('ephemeralBytes'),
    pods: least('pods'),
    extended,
  };
}

function sharedFeatures(siblings: readonly NodeObject[]): ReadonlySet<string> {
  const declared = siblings.map((node) => node.declaredFeatures ?? []);
  return new Set(declared[0]?.filter((name) => declared.every((names) => names.includes(name))));
}

function csiNodesOf(siblings: readonly NodeObject[], objects: ClusterObjects): readonly CsiNodeObject[] {
  const names = new Set(siblings.map((node) => node.name));
  return names.size === 0 ? [] : objects.csiNodes.filter((one) => names.has(one.name));
}

function learnedLimits(csiNodes: readonly CsiNodeObject[]): ReadonlyMap<string, number> {
  const limits = new Map<string, number>();
  for (const csiNode of csiNodes) {
    for (const [driver, count] of csiNode.limits) limits.set(driver, Math.min(count, limits.get(driver) ?? count));
  }
  return limits;
}
