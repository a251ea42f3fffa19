// The limits on how many nodes there may be, each with what a person can do when it refuses: a pool's bounds and anti-affinity,
// the operator's ceilings, the project's quota. node-budget.ts counts; this compares.
import { ANTI_AFFINITY_NODES_MAX } from '../api/node-pool.ts';
import type { Reason } from '../api/conditions.ts';
import type { WorkloadCluster } from '../api/workload-cluster.ts';
import type { ClusterObjects, Flavor } from '../cluster/cluster-objects.ts';
import { parseQuantity } from '../cluster/quantity.ts';
import type { PoolState } from './pool-state.ts';

/** Why a node may not be added, and what a person can do. */
export interface Refused {
  readonly reason: Reason;
  readonly message: string;
}

/** What nodes take of the limits. */
export interface Used {
  nodes: number;
  ports: number;
  cores: number;
  memoryMiB: number;
  costPerHour: number;
}

/** Equal nodes, by what one of them takes of the limits. */
export interface NodeNeed {
  readonly flavor: Flavor;
  readonly ports: number;
  readonly nodes: number;
}

/** The operator's, Infinity where there is none. */
export interface Ceilings {
  readonly nodesMax: number;
  readonly coresMax: number;
  readonly memoryMiBMax: number;
  readonly costPerHourMax: number;
}

const BYTES_PER_MIB = 2 ** 20;
/** Sums of prices are floating point: a ceiling of 0.3 must admit three nodes of 0.1. */
const COST_TOLERANCE = 1e-9;

/** A pool of so many nodes, and one more. */
export function poolRefusal(
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

/** All nodes of the cluster, and those needed. */
export function ceilingRefusal(ask: {
  readonly ceilings: Ceilings;
  readonly used: Used;
  readonly need: NodeNeed;
  readonly price: number;
}): Refused | undefined {
  const { ceilings, used } = ask;
  const { flavor, nodes: added } = ask.need;
  const over = (name: string, after: string, most: number): Refused => ({
    reason: 'CeilingReached',
    message: `${more(ask.need)} would make ${after}, and the operator's ceiling ${name} is ${most}; ask the operator to raise it`,
  });
  const nodes = used.nodes + added;
  if (nodes > ceilings.nodesMax) return over('nodesMax', `${nodes} nodes`, ceilings.nodesMax);
  const cores = used.cores + flavor.vcpus * added;
  if (cores > ceilings.coresMax) return over('coresMax', `${cores} cores`, ceilings.coresMax);
  const memoryMiB = used.memoryMiB + flavor.memoryMiB * added;
  if (memoryMiB > ceilings.memoryMiBMax) {
    return over('memoryMax (in MiB)', `${memoryMiB} MiB of memory`, Math.floor(ceilings.memoryMiBMax));
  }
  const cost = used.costPerHour + ask.price * added;
  if (cost > ceilings.costPerHourMax + COST_TOLERANCE) {
    return over('costPerHourMax', `a cost of ${cost.toFixed(4)} per hour`, ceilings.costPerHourMax);
  }
  return undefined;
}

function more({ flavor, nodes }: NodeNeed): string {
  return nodes === 1 ? `one more ${flavor.name}` : `${nodes} more ${flavor.name}`;
}

/** What the project has left, less what is `taken` of it. */
export function quotaRefusal(objects: ClusterObjects, taken: Used, need: NodeNeed): Refused | undefined {
  const { serversLeft, coresLeft, memoryMiBLeft, portsLeft } = objects.quota;
  const ports = need.ports * need.nodes;
  const cores = need.flavor.vcpus * need.nodes;
  const memoryMiB = need.flavor.memoryMiB * need.nodes;
  const short = (what: string, left: number, needed: string): Refused => ({
    reason: 'QuotaExceeded',
    message: `the project's quota has ${Math.max(left, 0)} ${what} left and ${more(need)} needs ${needed}; raise the quota or free some`,
  });
  if (serversLeft !== undefined && serversLeft - taken.nodes < need.nodes) {
    return short('servers', serversLeft - taken.nodes, String(need.nodes));
  }
  if (portsLeft !== undefined && portsLeft - taken.ports < ports) {
    return short('ports', portsLeft - taken.ports, String(ports));
  }
  if (coresLeft !== undefined && coresLeft - taken.cores < cores) {
    return short('cores', coresLeft - taken.cores, String(cores));
  }
  if (memoryMiBLeft !== undefined && memoryMiBLeft - taken.memoryMiB < memoryMiB) {
    return short('MiB of memory', memoryMiBLeft - taken.memoryMiB, String(memoryMiB));
  }
  return undefined;
}

/** As numbers. */
export function ceilingsOf(cluster: WorkloadCluster): Ceilings {
  const { nodesMax, coresMax, memoryMax, costPerHourMax } = cluster.spec.ceilings ?? {};
  const memoryBytes = memoryMax === undefined ? undefined : parseQuantity(memoryMax);
  return {
    nodesMax: nodesMax ?? Infinity,
    coresMax: coresMax ?? Infinity,
    memoryMiBMax: memoryBytes === undefined ? Infinity : memoryBytes / BYTES_PER_MIB,
    costPerHourMax: costPerHourMax === undefined ? Infinity : Number(costPerHourMax),
  };
}
