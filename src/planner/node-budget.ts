// How many more nodes there may be: pool bounds, the operator's ceilings, the project's quota, anti-affinity.
// Counts everything that is not yet gone: nodes on their way out still occupy what they occupy.
// The first limit that refuses is told, in the order in which a person would go and lift them.
import { ANTI_AFFINITY_NODES_MAX } from '../api/node-pool.ts';
import type { Reason } from '../api/conditions.ts';
import type { WorkloadCluster } from '../api/workload-cluster.ts';
import type { ClusterObjects, Flavor } from '../cluster/cluster-objects.ts';
import { parseQuantity } from '../cluster/quantity.ts';
import { flavorOfClaim, isStanding, mayStillTakeQuota, portsOf } from './claim-facts.ts';
import type { PoolState } from './pool-state.ts';
import { pricePerHour } from './price-model.ts';

/** Why a node may not be added, and what a person can do. */
export interface Refused {
  readonly reason: Reason;
  readonly message: string;
}

export interface NodeBudget {
  /** undefined: one more node of this flavor may be added to this pool. */
  refusal(pool: PoolState, flavor: Flavor): Refused | undefined;
  /** How many more nodes the pool's own bounds allow, whatever the project and the operator allow. */
  roomIn(pool: PoolState): number;
  /** Counts one more node. */
  take(pool: PoolState, flavor: Flavor): void;
  /** Returns what takes the counts back to how they are now. */
  checkpoint(): () => void;
}

interface Used {
  nodes: number;
  ports: number;
  cores: number;
  memoryMiB: number;
  costPerHour: number;
}

/** One node, by what it takes of the limits. */
interface NodeNeed {
  readonly flavor: Flavor;
  readonly ports: number;
}

interface Ceilings {
  readonly nodesMax: number;
  readonly coresMax: number;
  readonly memoryMiBMax: number;
  readonly costPerHourMax: number;
}

const BYTES_PER_MIB = 2 ** 20;
/** Sums of prices are floating point: a ceiling of 0.3 must admit three nodes of 0.1. */
const COST_TOLERANCE = 1e-9;

/** The budget as it stands before the plan adds anything. */
export function openNodeBudget(objects: ClusterObjects): NodeBudget {
  const { used, quotaTaken, poolNodes, standing } = openUse(objects);
  const ceilings = ceilingsOf(objects.cluster);
  const ports = portsOf(objects.targets);
  return {
    refusal(pool, flavor) {
      const nodes = poolNodes.get(pool.name) ?? 0;
      return (
        poolRefusal(pool, {
          nodes,
          leaving: nodes - (standing.get(pool.name) ?? 0),
          groupMembersMax: objects.quota.serverGroupMembersMax ?? Infinity,
        }) ??
        ceilingRefusal({ ceilings, used, flavor, price: pricePerHour(flavor, objects.prices) }) ??
        quotaRefusal(objects, quotaTaken, { flavor, ports })
      );
    },
    roomIn(pool) {
      const { antiAffinity, maxNodes } = pool.settings;
      const apart = antiAffinity === 'strict' ? ANTI_AFFINITY_NODES_MAX : Infinity;
      const members = antiAffinity === 'none' ? Infinity : (objects.quota.serverGroupMembersMax ?? Infinity);
      const most = Math.min(maxNodes, apart, members);
      return Math.max(0, most - (poolNodes.get(pool.name) ?? 0));
    },
    take(pool, flavor) {
      count(used, { flavor, ports }, objects.prices);
      count(quotaTaken, { flavor, ports }, objects.prices);
      increase(poolNodes, pool.name);
      increase(standing, pool.name);
    },
    checkpoint() {
      const before = { used: { ...used }, quotaTaken: { ...quotaTaken } };
      const maps = [poolNodes, standing].map((counts) => ({ counts, entries: [...counts] }));
      return () => {
        Object.assign(used, before.used);
        Object.assign(quotaTaken, before.quotaTaken);
        for (const { counts, entries } of maps) {
          counts.clear();
          for (const [name, nodes] of entries) counts.set(name, nodes);
        }
      };
    },
  };
}

/** What there is before the plan adds anything. */
interface Use {
  readonly used: Used;
  /** Of the project's quota, by claims that Nova does not count yet and by new nodes. */
  readonly quotaTaken: Used;
  readonly poolNodes: Map<string, number>;
  readonly standing: Map<string, number>;
}

/** By list of claims, which stays the same one while no claim changes. */
const counted = new WeakMap<ClusterObjects['claims'], Pick<ClusterObjects, 'flavors' | 'prices'> & Use>();

function openUse(objects: ClusterObjects): Use {
  const { claims, flavors, prices } = objects;
  let known = counted.get(claims);
  if (known?.flavors !== flavors || known.prices !== prices) {
    known = { flavors, prices, ...countUse(objects) };
    counted.set(claims, known);
  }
  return {
    used: { ...known.used },
    quotaTaken: { ...known.quotaTaken },
    poolNodes: new Map(known.poolNodes),
    standing: new Map(known.standing),
  };
}

function countUse(objects: ClusterObjects): Use {
  const used: Used = { nodes: 0, ports: 0, cores: 0, memoryMiB: 0, costPerHour: 0 };
  const quotaTaken: Used = { nodes: 0, ports: 0, cores: 0, memoryMiB: 0, costPerHour: 0 };
  const poolNodes = new Map<string, number>();
  const standing = new Map<string, number>();
  const flavors = new Map(objects.flavors.map((flavor) => [flavor.name, flavor]));
  for (const claim of objects.claims) {
    const flavor = flavors.get(claim.spec.flavor) ?? flavorOfClaim(claim);
    const node = { flavor, ports: portsOf(claim.spec) };
    count(used, node, objects.prices);
    if (mayStillTakeQuota(claim)) count(quotaTaken, node, objects.prices);
    increase(poolNodes, claim.spec.poolName);
    if (isStanding(claim)) increase(standing, claim.spec.poolName);
  }
  return { used, quotaTaken, poolNodes, standing };
}

function poolRefusal(
  pool: PoolState,
  size: { readonly nodes: number; readonly leaving: number; readonly groupMembersMax: number },
): Refused | undefined {
  const { settings } = pool;
  const leaving = size.leaving > 0 ? ` (${size.leaving} of them on the way out)` : '';
  if (settings.antiAffinity === 'strict' && size.nodes >= ANTI_AFFINITY_NODES_MAX) {
    return {
      reason: 'AntiAffinityUnsatisfiable',
      message: `a pool with antiAffinity has at most ${ANTI_AFFINITY_NODES_MAX} nodes and '${pool.name}' has ${size.nodes}${leaving}; use a second pool`,
    };
  }
  // A server on its way out is still a member of its group.
  if (settings.antiAffinity !== 'none' && size.nodes >= size.groupMembersMax) {
    return {
      reason: 'QuotaExceeded',
      message: `a server group of the project takes ${size.groupMembersMax} servers (quota server_group_members) and pool '${pool.name}' with antiAffinity has ${size.nodes}${leaving}; raise the quota or use a second pool`,
    };
  }
  if (size.nodes >= settings.maxNodes) {
    return {
      reason: 'MaxNodesReached',
      message: `pool '${pool.name}' has ${size.nodes} nodes${leaving} and spec.maxNodes is ${settings.maxNodes}; raise it for more`,
    };
  }
  return undefined;
}

function ceilingRefusal(ask: {
  readonly ceilings: Ceilings;
  readonly used: Used;
  readonly flavor: Flavor;
  readonly price: number;
}): Refused | undefined {
  const { ceilings, used, flavor } = ask;
  const over = (name: string, after: string, most: number): Refused => ({
    reason: 'CeilingReached',
    message: `one more ${flavor.name} would make ${after}, and the operator's ceiling ${name} is ${most}; ask the operator to raise it`,
  });
  if (used.nodes + 1 > ceilings.nodesMax) return over('nodesMax', `${used.nodes + 1} nodes`, ceilings.nodesMax);
  const cores = used.cores + flavor.vcpus;
  if (cores > ceilings.coresMax) return over('coresMax', `${cores} cores`, ceilings.coresMax);
  const memoryMiB = used.memoryMiB + flavor.memoryMiB;
  if (memoryMiB > ceilings.memoryMiBMax) {
    return over('memoryMax (in MiB)', `${memoryMiB} MiB of memory`, Math.floor(ceilings.memoryMiBMax));
  }
  const cost = used.costPerHour + ask.price;
  if (cost > ceilings.costPerHourMax + COST_TOLERANCE) {
    return over('costPerHourMax', `a cost of ${cost.toFixed(4)} per hour`, ceilings.costPerHourMax);
  }
  return undefined;
}

function quotaRefusal(objects: ClusterObjects, taken: Used, { flavor, ports }: NodeNeed): Refused | undefined {
  const { serversLeft, coresLeft, memoryMiBLeft, portsLeft } = objects.quota;
  const short = (what: string, left: number, needed: string): Refused => ({
    reason: 'QuotaExceeded',
    message: `the project's quota has ${Math.max(left, 0)} ${what} left and one more ${flavor.name} needs ${needed}; raise the quota or free some`,
  });
  if (serversLeft !== undefined && serversLeft - taken.nodes < 1) {
    return short('servers', serversLeft - taken.nodes, '1');
  }
  if (portsLeft !== undefined && portsLeft - taken.ports < ports) {
    return short('ports', portsLeft - taken.ports, String(ports));
  }
  if (coresLeft !== undefined && coresLeft - taken.cores < flavor.vcpus) {
    return short('cores', coresLeft - taken.cores, String(flavor.vcpus));
  }
  if (memoryMiBLeft !== undefined && memoryMiBLeft - taken.memoryMiB < flavor.memoryMiB) {
    return short('MiB of memory', memoryMiBLeft - taken.memoryMiB, String(flavor.memoryMiB));
  }
  return undefined;
}

function ceilingsOf(cluster: WorkloadCluster): Ceilings {
  const { nodesMax, coresMax, memoryMax, costPerHourMax } = cluster.spec.ceilings ?? {};
  const memoryBytes = memoryMax === undefined ? undefined : parseQuantity(memoryMax);
  return {
    nodesMax: nodesMax ?? Infinity,
    coresMax: coresMax ?? Infinity,
    memoryMiBMax: memoryBytes === undefined ? Infinity : memoryBytes / BYTES_PER_MIB,
    costPerHourMax: costPerHourMax === undefined ? Infinity : Number(costPerHourMax),
  };
}

function count(used: Used, { flavor, ports }: NodeNeed, prices: ReadonlyMap<string, number> | undefined): void {
  used.nodes += 1;
  used.ports += ports;
  used.cores += flavor.vcpus;
  used.memoryMiB += flavor.memoryMiB;
  used.costPerHour += pricePerHour(flavor, prices);
}

function increase(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}
