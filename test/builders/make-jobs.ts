// Jobs whose first plan a polish can better: pods of seven sizes that two flavors hold in many ways.
import type { ClusterObjects } from '../../src/cluster/cluster-objects.ts';
import { makeCluster, makeFlavor, makeObjects } from './make-objects.ts';
import { GIB, makePod } from './make-pod.ts';
import { makePool } from './make-pool.ts';

/** Millicores and GiB. */
const SIZES = [
  [2600, 1],
  [2100, 7],
  [1700, 3],
  [1300, 4],
  [900, 6],
  [700, 2],
  [500, 3],
] as const;

export const JOB_FLAVORS = [makeFlavor('b3-16'), makeFlavor('b3-32', { vcpus: 8, memoryMiB: 32_000 })];
export const JOB_PRICES = new Map([
  ['b3-16', 0.1],
  ['b3-32', 0.21],
]);

/** A cluster without nodes where they wait. */
export function jobs(fields: Partial<ClusterObjects> = {}): ClusterObjects {
  return makeObjects({
    // The plan is carried out as it is, so that it has the nodes of its packing alone.
    cluster: makeCluster({ autoscaler: { placementHints: true } }),
    nodePools: [makePool('jobs').flavors('b3-16', 'b3-32').spec({ maxNodes: 90 }).build()],
    flavors: JOB_FLAVORS,
    prices: JOB_PRICES,
    pods: SIZES.flatMap(([cpuMillis, gib], index) =>
      makePod(`job-${index}`)
        .requests({ cpuMillis, memoryBytes: gib * GIB })
        .buildMany(5 + 2 * index),
    ),
    ...fields,
  });
}
