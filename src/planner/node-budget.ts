// How many more nodes there may be: pool bounds, the operator's ceilings, the project's quota, anti-affinity.
// Counts everything that is not yet gone: nodes on their way out still occupy what they occupy.
// The first limit that refuses is told, in the order in which a person would go and lift them.
import { ANTI_AFFINITY_NODES_MAX } from '../api/node-pool.ts';
import type { ClusterObjects, Flavor } from '../cluster/cluster-objects.ts';
import { flavorOfClaim, isStanding, mayStillTakeQuota, portsOf } from './claim-facts.ts';
import {
  ceilingRefusal,
  ceilingsOf,
  type NodeNeed,
  poolRefusal,
  quotaRefusal,
  type Refused,
  type Used,
} from './node-limits.ts';
import type { PoolState } from './pool-state.ts';
import { pricePerHour } from './price-model.ts';

/** What is left of all limits together. */
export interface NodeBudget {
  /** undefined: one more node of this flavor may be added to this pool, or `nodes` more. */
  refusal(pool: PoolState, flavor: Flavor, nodes?: number): Refused | undefined;
  /** How many more nodes of this flavor may be added to this pool, up to `most`. */
  roomFor(pool: PoolState, flavor: Flavor, most: number): number;
  /** How many more nodes the pool's own bounds allow, whatever the project and the operator allow. */
  roomIn(pool: PoolState): number;
  /** Counts one more node, or `nodes` more. */
  take(pool: PoolState, flavor: Flavor, nodes?: number): void;
  /** Returns what takes the counts back to how they are now. */
  checkpoint(): () => void;
}

/** The budget as it stands before the plan adds anything. */
export function openNodeBudget(objects: ClusterObjects): NodeBudget {
  const { used, quotaTaken, poolNodes, standing } = openUse(objects);
  const ceilings = ceilingsOf(objects.cluster);
  const ports = portsOf(objects.targets);
  const refusal: NodeBudget['refusal'] = (pool, flavor, added = 1) => {
    const nodes = poolNodes.get(pool.name) ?? 0;
    const size = {
      nodes: nodes + added - 1,
      leaving: nodes - (standing.get(pool.name) ?? 0),
      groupMembersMax: objects.quota.serverGroupMembersMax ?? Infinity,
    };
    const need: NodeNeed = { flavor, ports, nodes: added };
    return (
      poolRefusal(pool, size) ??
      ceilingRefusal({ ceilings, used, need, price: pricePerHour(flavor, objects.prices) }) ??
      quotaRefusal(objects, quotaTaken, need)
    );
  };
  return {
    refusal,
    roomFor(pool, flavor, most) {
      if (most <= 0 || refusal(pool, flavor, most) === undefined) return Math.max(0, most);
      let [fits, tooMany] = [0, most];
      while (tooMany - fits > 1) {
        const nodes = Math.floor((fits + tooMany) / 2);
        if (refusal(pool, flavor, nodes) === undefined) fits = nodes;
        else tooMany = nodes;
      }
      return fits;
    },
    roomIn(pool) {
      const { antiAffinity, maxNodes } = pool.settings;
      const apart = antiAffinity === 'strict' ? ANTI_AFFINITY_NODES_MAX : Infinity;
      const members = antiAffinity === 'none' ? Infinity : (objects.quota.serverGroupMembersMax ?? Infinity);
      const most = Math.min(maxNodes, apart, members);
      return Math.max(0, most - (poolNodes.get(pool.name) ?? 0));
    },
    take(pool, flavor, nodes = 1) {
      count(used, { flavor, ports, nodes }, objects.prices);
      count(quotaTaken, { flavor, ports, nodes }, objects.prices);
      increase(poolNodes, pool.name, nodes);
      increase(standing, pool.name, nodes);
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
    const node = { flavor, ports: portsOf(claim.spec), nodes: 1 };
    count(used, node, objects.prices);
    if (mayStillTakeQuota(claim)) count(quotaTaken, node, objects.prices);
    increase(poolNodes, claim.spec.poolName);
    if (isStanding(claim)) increase(standing, claim.spec.poolName);
  }
  return { used, quotaTaken, poolNodes, standing };
}

function count(used: Used, { flavor, ports, nodes }: NodeNeed, prices: ReadonlyMap<string, number> | undefined): void {
  used.nodes += nodes;
  used.ports += ports * nodes;
  used.cores += flavor.vcpus * nodes;
  used.memoryMiB += flavor.memoryMiB * nodes;
  used.costPerHour += pricePerHour(flavor, prices) * nodes;
}

function increase(counts: Map<string, number>, key: string, by = 1): void {
  counts.set(key, (counts.get(key) ?? 0) + by);
}
