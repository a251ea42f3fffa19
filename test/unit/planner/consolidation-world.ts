// Clusters for the tests of consolidation, and what becomes of them when plans are carried out.
import type { NodePool, NodePoolSpec } from '../../../src/api/node-pool.ts';
import type { NodeClaim } from '../../../src/api/node-claim.ts';
import type { ClusterObjects, PodObject } from '../../../src/cluster/cluster-objects.ts';
import type { Plan } from '../../../src/planner/plan.ts';
import { iso, makeClaim, makeObjects, makePods, makePool, NOW_MS, stepsOf } from './planner-world.ts';

const GIB = 2 ** 30;
/** Bigger ones are a little cheaper for what they have. */
export const PRICES: ReadonlyMap<string, number> = new Map([
  ['b2-2', 0.09],
  ['b2-4', 0.16],
  ['b2-8', 0.3],
]);

/** Autoscaled, consolidated, of all three flavors; what is found is done at once, and the utilization threshold keeps
 *  scale-down out of it. */
export function consolidated(name = 'web', spec: Partial<NodePoolSpec> = {}): NodePool {
  const { autoscaling, ...rest } = spec;
  return makePool(name, {
    ...(spec.flavor === undefined ? { flavors: ['b2-2', 'b2-4', 'b2-8'] } : {}),
    autoscaling: {
      consolidate: true,
      scaleDownUtilizationThreshold: '0',
      scaleDownUnneededTimeSeconds: 0,
      ...autoscaling,
    },
    ...rest,
  });
}

/** A Ready node of a flavor such as b2-8, which has 8 cores and 32 GiB. */
export function nodeOf(
  flavor: string,
  name: string,
  status: NonNullable<NodeClaim['status']> = {},
  pool = 'web',
): NodeClaim {
  const cores = Number(flavor.slice(flavor.indexOf('-') + 1));
  const expected = {
    cpuMillis: cores * 1000,
    memoryBytes: cores * 4 * GIB - GIB / 2,
    ephemeralBytes: 50 * GIB,
    pods: 110,
  };
  return makeClaim(`${pool}-node-${name}`, pool, {
    status: { readyAt: iso(NOW_MS - 86_400_000), ...status },
    spec: { flavor, flavorId: `id-${flavor}`, expected },
  });
}

/** `count` pods of one core on the node. */
export function podsOn(claim: NodeClaim, count: number, change: Parameters<typeof makePods>[1] = {}): PodObject[] {
  return makePods(count, { nodeName: claim.metadata.name, ...change });
}

/** Objects of one pool that consolidates, with these nodes and pods. */
export function clusterOf(
  claims: readonly NodeClaim[],
  pods: readonly PodObject[],
  change: Partial<ClusterObjects> = {},
): ClusterObjects {
  const objects = makeObjects({ nodePools: [consolidated()], claims, pods, prices: PRICES, ...change });
  return {
    ...objects,
    nodePools: objects.nodePools.map((pool) => ({
      ...pool,
      spec: { desiredNodes: claims.filter(({ spec }) => spec.poolName === pool.metadata.name).length, ...pool.spec },
    })),
  };
}

/** New nodes of the plan by flavor, such as `b2-4 b2-8`. */
export function addedBy(plan: Plan): string {
  return stepsOf(plan, 'createClaim')
    .map(({ spec }) => spec.flavor)
    .sort()
    .join(' ');
}
