// A cluster without nodes whose node pools may get nodes of the given types in the given zones, through the product's own
// API: pools with all its bounds, flavors with extra specs, a price list. Nothing is reserved beyond what the types say.
import { parseNodePool, parseWorkloadCluster } from '../../src/api/parse-resources.ts';
import type { ClusterObjects, Flavor, PodObject } from '../../src/cluster/cluster-objects.ts';
import { parseNamespace } from '../../src/cluster/parse-objects.ts';
import { BENCH_NAMESPACE } from './pods-of-workload.ts';
import type { NodeType, Workload } from './read-workload.ts';

const NOW_MS = Date.parse('2026-11-20T12:00:00Z');
/** Always taken off a flavor's memory by the product: kubelet's hard eviction threshold. */
const EVICTION_THRESHOLD_MIB = 100;
/** The API's bounds: flavors that one pool may mix, nodes that one pool may have. */
const FLAVORS_PER_POOL = 32;
const NODES_MAX = 999;
/** Offers (pool × flavor × zone) that one plan looks at; more pools than that would only be left out. */
const OFFERS_MAX = 2000;
/** Nodes that the pools admit, over what the demand needs of a node of middling size. */
const ROOM = 2;

export interface Offered {
  readonly types: readonly NodeType[];
  readonly zones: readonly string[];
}

/** What one decision looks at, with `pods` waiting. */
export function clusterOf(workload: Workload, offered: Offered, pods: readonly PodObject[]): ClusterObjects {
  return {
    cluster: parseWorkloadCluster(workloadCluster(offered.types[0]?.pods ?? 0)),
    observedAtMs: NOW_MS,
    nodePools: nodePools(workload, offered).map(parseNodePool),
    claims: [],
    pods,
    nodes: [],
    podDisruptionBudgets: [],
    daemonSets: [],
    persistentVolumeClaims: [],
    persistentVolumes: [],
    storageClasses: [],
    csiNodes: [],
    namespaces: [parseNamespace({ metadata: { name: BENCH_NAMESPACE, uid: BENCH_NAMESPACE } })],
    flavors: offered.types.map(flavorOf),
    targets: {
      networkId: 'network',
      subnetId: undefined,
      images: [{ id: 'image', name: 'image', flavors: undefined }],
      zones: offered.zones,
      region: 'region-1',
    },
    quota: { serversLeft: undefined, coresLeft: undefined, memoryMiBLeft: undefined },
    prices: new Map(offered.types.map((type) => [type.name, type.pricePerHour])),
    backoffs: [],
    frozen: undefined,
  };
}

function flavorOf(type: NodeType): Flavor {
  // The product rounds down what is left of a core: the least number that leaves all of it.
  const exact = type.cpuMillis / 1000;
  return {
    id: `flavor-${type.name}`,
    name: type.name,
    vcpus: Math.floor(exact * 1000) === type.cpuMillis ? exact : exact + Number.EPSILON * exact,
    memoryMiB: type.memoryMiB + EVICTION_THRESHOLD_MIB,
    diskGiB: 100,
    extraSpecs: new Map(type.gpus === 0 ? [] : [['pci_passthrough:alias', `gpu:${type.gpus}`]]),
  };
}

/** Types are dealt over the pools, so that the sizes of one family are in different ones and the most nodes of a pool
 *  rarely decide which size is taken. Of a long list some small types are so cheap that a plan wants thousands of them: those
 *  are in further pools, as many as are still looked at. */
function nodePools(workload: Workload, { types, zones }: Offered): readonly object[] {
  const pools = Math.ceil(types.length / FLAVORS_PER_POOL);
  const wanted = Math.ceil((ROOM * nodesOfMiddlingSize(workload, types)) / (pools * NODES_MAX));
  const admitted = Math.floor(OFFERS_MAX / (types.length * zones.length));
  const copies = Math.max(1, Math.min(wanted, admitted));
  const dealt: (readonly NodeType[])[] = Array.from({ length: copies * pools }, (_, index) =>
    types.filter((_type, at) => at % pools === index % pools),
  );
  const cheapest = pools === 1 ? [] : cheapestTypes(types);
  const spare = OFFERS_MAX - copies * types.length * zones.length;
  const looked = cheapest.length === 0 ? 0 : Math.floor(spare / (cheapest.length * zones.length));
  const further = Math.min(looked, Math.ceil(workload.pods / NODES_MAX));
  for (let index = 0; index < further; index += 1) dealt.push(cheapest);
  return dealt.map((flavors, index) => {
    const name = `pool-${String(index).padStart(3, '0')}`;
    const sizes = { minNodes: 0, maxNodes: NODES_MAX, desiredNodes: 0 };
    return {
      apiVersion: 'sluice.dev/v1alpha1',
      kind: 'NodePool',
      metadata: { name, uid: name, resourceVersion: '1' },
      spec: { flavors: flavors.map((type) => type.name), ...sizes, autoscale: true },
    };
  });
}

/** As many as one pool mixes: the cheapest of those that hold something and that no other beats in every way. */
function cheapestTypes(types: readonly NodeType[]): readonly NodeType[] {
  const axes = ['cpuMillis', 'memoryMiB', 'gpus'] as const;
  const kept: NodeType[] = [];
  for (const type of types.toSorted((left, right) => left.pricePerHour - right.pricePerHour)) {
    if (kept.length === FLAVORS_PER_POOL) break;
    const beaten = kept.some((other) => axes.every((axis) => other[axis] >= type[axis]));
    if (type.cpuMillis > 0 && type.memoryMiB > 0 && !beaten) kept.push(type);
  }
  return kept;
}

function nodesOfMiddlingSize(workload: Workload, types: readonly NodeType[]): number {
  const bySize = types.toSorted((left, right) => left.cpuMillis - right.cpuMillis);
  const type = bySize[Math.floor(bySize.length / 2)];
  if (type === undefined) throw new Error('there must be a node type');
  let cpuMillis = 0;
  let memoryMiB = 0;
  let gpus = 0;
  let mostApart = 0;
  for (const group of workload.groups) {
    cpuMillis += group.cpuMillis * group.count;
    memoryMiB += group.memoryMiB * group.count;
    gpus += group.gpus * group.count;
    // Pods that keep away from each other need a node each; several groups may be of one kind.
    if (group.kind === 'anti-host' || group.kind === 'spread-host') mostApart += group.count;
  }
  const gpusEach = Math.max(...types.map((one) => one.gpus));
  return Math.max(
    cpuMillis / type.cpuMillis,
    memoryMiB / type.memoryMiB,
    gpusEach === 0 ? 0 : gpus / gpusEach,
    workload.pods / type.pods,
    mostApart,
  );
}

function workloadCluster(podsMax: number): object {
  return {
    apiVersion: 'sluice.dev/v1alpha1',
    kind: 'WorkloadCluster',
    metadata: { name: 'bench', namespace: 'default', uid: 'bench', resourceVersion: '1' },
    spec: {
      kubeconfig: { inCluster: true },
      openstack: {
        credentialsSecretRef: { name: 'cloud' },
        projectId: 'project',
        network: 'network',
        images: [{ name: 'image' }],
      },
      // Plans are measured as they are packed: carried out by hints they need no nodes more than that.
      autoscaler: { placementHints: true },
      reserved: { cpuMillis: 0, cpuMillisPerCore: 0, memoryMiB: 0, memoryPercent: 0, podsMax },
    },
  };
}
