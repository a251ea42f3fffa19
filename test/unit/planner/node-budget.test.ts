import { describe, expect, it } from 'vitest';
import type { ClusterObjects } from '../../../src/cluster/cluster-objects.ts';
import { openNodeBudget } from '../../../src/planner/node-budget.ts';
import { listPools } from '../../../src/planner/pool-state.ts';
import { makeClaim, makeCluster, makeFlavor, makeObjects, makePool } from './planner-world.ts';

const FLAVOR = makeFlavor('b2-8', 2, 8);
const NO_QUOTA = { serversLeft: undefined, coresLeft: undefined, memoryMiBLeft: undefined };
const STANDING = ['web-node-aaaaaa', 'web-node-bbbbbb'].map((name) => makeClaim(name, 'web'));

const LIMITS: readonly (readonly [name: string, objects: Partial<ClusterObjects>])[] = [
  ['none but the pool’s own', {}],
  ['maxNodes', { nodePools: [makePool('web', { maxNodes: 9 })], claims: STANDING }],
  ['a pool that is full', { nodePools: [makePool('web', { maxNodes: 2 })], claims: STANDING }],
  ['servers that stand apart', { nodePools: [makePool('web', { antiAffinity: true })] }],
  ['a ceiling on nodes', { cluster: makeCluster({ ceilings: { nodesMax: 7 } }), claims: STANDING }],
  ['a ceiling on cores', { cluster: makeCluster({ ceilings: { coresMax: 25 } }) }],
  ['a ceiling on memory', { cluster: makeCluster({ ceilings: { memoryMax: '100Gi' } }) }],
  [
    'a ceiling on cost',
    { cluster: makeCluster({ ceilings: { costPerHourMax: '0.3' } }), prices: new Map([['b2-8', 0.1]]) },
  ],
  ['quota of servers', { quota: { ...NO_QUOTA, serversLeft: 5 } }],
  ['quota of cores', { quota: { ...NO_QUOTA, coresLeft: 11 } }],
  ['quota of memory', { quota: { ...NO_QUOTA, memoryMiBLeft: 30_000 } }],
  ['quota of ports', { quota: { ...NO_QUOTA, portsLeft: 4 } }],
];

describe('room for many nodes', () => {
  it.each(LIMITS)('is what one after another comes to: %s', (_name, change) => {
    const objects = makeObjects({ nodePools: [makePool('web')], flavors: [FLAVOR], ...change });
    const [pool] = listPools(objects);
    if (pool === undefined) throw new Error('there must be a pool');
    const budget = openNodeBudget(objects);
    let oneByOne = 0;
    for (; budget.refusal(pool, FLAVOR) === undefined; oneByOne += 1) budget.take(pool, FLAVOR);
    for (const most of [0, 1, oneByOne, oneByOne + 1, 1000]) {
      const fresh = openNodeBudget(objects);
      const room = fresh.roomFor(pool, FLAVOR, most);
      expect(room).toBe(Math.min(most, oneByOne));
      fresh.take(pool, FLAVOR, room);
      expect(fresh.refusal(pool, FLAVOR)?.reason).toBe(
        most < oneByOne ? undefined : budget.refusal(pool, FLAVOR)?.reason,
      );
    }
  });
});
