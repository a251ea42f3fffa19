// What is kept of a pool's offers between plans is what would be worked out anew: each thing that they are made of is changed
// once, with everything else the same objects.
import { describe, expect, it } from 'vitest';
import type { ClusterObjects } from '../../../src/cluster/cluster-objects.ts';
import { offersOf } from '../../../src/planner/pool-offers.ts';
import { listPools } from '../../../src/planner/pool-state.ts';
import { makeClaim, makeCluster, makeFlavor, makeNode, makeObjects, makePool, NOW_MS } from './planner-world.ts';

const FLAVORS = ['small', 'big', 'unknown'];

function world(change: Partial<ClusterObjects> = {}): ClusterObjects {
  return {
    ...makeObjects({
      nodePools: [makePool('web', { flavors: FLAVORS })],
      flavors: [makeFlavor('small', 2), makeFlavor('big', 8)],
      prices: new Map([
        ['small', 1],
        ['big', 3],
      ]),
    }),
    ...change,
  };
}

/** Flavor, zone, price and CPU of each offer, those that wait, and what is refused. */
function told(objects: ClusterObjects): readonly string[] {
  return listPools(objects).flatMap((pool) => {
    const { offers, held, refused } = offersOf(pool, objects);
    const line = ({ template, pricePerHour }: (typeof offers)[number]): string =>
      `${template.flavor.name} ${template.zone} ${pricePerHour} ${template.allocatable.cpuMillis}`;
    return [
      ...offers.map(line),
      ...held.map(({ offer }) => `held ${line(offer)}`),
      ...refused.map((one) => one.message),
    ];
  });
}

/** The same world in new objects: nothing can be known of it. */
function afresh(objects: ClusterObjects): ClusterObjects {
  return { ...objects, nodePools: objects.nodePools.map((pool) => ({ ...pool })) };
}

const CHANGES: readonly (readonly [name: string, change: (before: ClusterObjects) => Partial<ClusterObjects>])[] = [
  ['another price', () => ({ prices: new Map([['small', 5]]) })],
  ['no price list', () => ({ prices: undefined })],
  ['a flavor that had been missing', ({ flavors }) => ({ flavors: [...flavors, makeFlavor('unknown', 4)] })],
  ['a further zone', ({ targets }) => ({ targets: { ...targets, zones: ['zone-a', 'zone-b'] } })],
  ['an operator who allows less', () => ({ cluster: makeCluster({ ceilings: { flavorsAllowed: ['big'] } }) })],
  [
    'a standing fault',
    () => ({
      backoffs: [{ kind: 'capacity', flavor: 'big', zone: '', pool: '', message: 'full', untilMs: NOW_MS + 1 }],
    }),
  ],
];

describe("a pool's offers", () => {
  it('are the same objects while nothing changes, whatever nodes other pools have', () => {
    const before = world();
    const [pool] = listPools(before);
    if (pool === undefined) throw new Error('there is a pool');
    const claim = makeClaim('db-1', 'db');
    const after = { ...before, nodes: [makeNode(claim)] };
    expect(offersOf(pool, after).offers[0]).toBe(offersOf(pool, before).offers[0]);
  });

  it.each(CHANGES)('follow %s', (_name, change) => {
    const before = world();
    const first = told(before);
    const after = { ...before, ...change(before) };
    expect(told(after)).toEqual(told(afresh(after)));
    expect(told(after)).not.toEqual(first);
    expect(told(before)).toEqual(first);
  });

  it('follow what the pool’s own nodes turn out to have', () => {
    const claim = makeClaim('web-1', 'web', { spec: { flavor: 'small', flavorId: 'id-small' } });
    const node = makeNode(claim);
    const before = world({ claims: [claim], nodes: [node] });
    const first = told(before);
    const allocatable = { ...node.allocatable, cpuMillis: 1234 };
    const after = { ...before, nodes: [{ ...node, allocatable }] };
    expect(told(after)).toEqual(told(afresh(after)));
    expect(told(after)).not.toEqual(first);
  });
});
