// Who gets a place when a limit does not let all have one.
import { describe, expect, it } from 'vitest';
import type { WorkloadClusterSpec } from '../../../src/api/workload-cluster.ts';
import { buildSnapshot } from '../../../src/cluster/build-snapshot.ts';
import type { PodObject } from '../../../src/cluster/cluster-objects.ts';
import { checkPlan } from '../../../src/planner/check-plan.ts';
import { makePlan } from '../../../src/planner/make-plan.ts';
import { type Plan, podVerdicts } from '../../../src/planner/plan.ts';
import { makeCluster, makeFlavor, makeObjects } from '../../builders/make-objects.ts';
import { makePod, matchLabels, type PodBuilder } from '../../builders/make-pod.ts';
import { makePool } from '../../builders/make-pool.ts';

const HOST = 'kubernetes.io/hostname';

interface Limits {
  readonly maxNodes?: number;
  readonly ceilings?: WorkloadClusterSpec['ceilings'];
  readonly coresLeft?: number;
}

function planOf(pods: readonly PodObject[], { maxNodes = 90, ceilings, coresLeft }: Limits): Plan {
  const objects = makeObjects({
    cluster: makeCluster({
      reserved: { cpuMillis: 0, cpuMillisPerCore: 0, memoryMiB: 0 },
      ...(ceilings === undefined ? {} : { ceilings }),
    }),
    nodePools: [makePool('web').flavors('b3-16').spec({ maxNodes }).build()],
    flavors: [makeFlavor('b3-16')],
    prices: new Map([['b3-16', 1]]),
    quota: { serversLeft: undefined, coresLeft, memoryMiBLeft: undefined },
    pods,
  });
  const snapshot = buildSnapshot(objects, 1);
  const plan = makePlan(snapshot, { nameSeed: 'importance' });
  expect(checkPlan(plan, snapshot)).toEqual([]);
  return plan;
}

/** How many pods of each name (their number aside) have a place. */
function placedOf(plan: Plan): Readonly<Record<string, number>> {
  const placed: Record<string, number> = {};
  for (const { name, outcome } of podVerdicts(plan.report)) {
    const kind = name.replace(/-\d+$/, '');
    placed[kind] = (placed[kind] ?? 0) + (outcome === 'onNewNode' ? 1 : 0);
  }
  return placed;
}

/** Nodes have four cores. */
function pod(name: string, cores: number, createdMs: number): PodBuilder {
  return makePod(name)
    .requests({ cpuMillis: cores * 1000, memoryBytes: 0 })
    .createdMs(createdMs);
}

const LIMITS: readonly (readonly [string, Limits])[] = [
  ['maxNodes of the pool', { maxNodes: 2 }],
  ['a ceiling of nodes', { ceilings: { nodesMax: 2 } }],
  ['a ceiling of cost', { ceilings: { costPerHourMax: '2' } }],
  ['the quota of cores', { coresLeft: 8 }],
];

describe.each(LIMITS)('cut off by %s', (_name, limits) => {
  it('the oldest pods come first, though more of the young ones would fit', () => {
    const pods = [...pod('old', 2, 1000).buildMany(4), ...pod('young', 1, 2000).buildMany(8)];
    expect(placedOf(planOf(pods, limits))).toEqual({ old: 4, young: 0 });
  });

  it('younger pods get what room older ones leave', () => {
    const pods = [...pod('old', 3, 1000).buildMany(4), ...pod('young', 1, 2000).buildMany(8)];
    expect(placedOf(planOf(pods, limits))).toEqual({ old: 2, young: 2 });
  });

  it('the oldest of a group come first', () => {
    const pods = [3000, 1000, 2000].flatMap((createdMs) => pod(`at${createdMs}`, 2, createdMs).buildMany(2));
    expect(placedOf(planOf(pods, limits))).toEqual({ at1000: 2, at2000: 2, at3000: 0 });
  });

  it('priority goes before age, and before pods that settle where others are', () => {
    const spread = pod('spread', 1, 1000)
      .labels({ app: 's' })
      .spread({ topologyKey: HOST, maxSkew: 1, selector: matchLabels({ app: 's' }) });
    const pods = [...spread.buildMany(6), ...pod('high', 3, 2000).priority(10).buildMany(2)];
    expect(placedOf(planOf(pods, limits))).toEqual({ high: 2, spread: 2 });
  });

  it('a pod that fits nowhere keeps nobody from a place', () => {
    const pods = [...pod('huge', 5, 1000).buildMany(2), ...pod('young', 2, 2000).buildMany(6)];
    expect(placedOf(planOf(pods, limits))).toEqual({ huge: 0, young: 4 });
  });
});

describe('without a limit in the way', () => {
  it('all have a place, and age changes nothing', () => {
    const pods = [...pod('old', 3, 1000).buildMany(4), ...pod('young', 1, 2000).buildMany(4)];
    const plan = planOf(pods, {});
    expect(placedOf(plan)).toEqual({ old: 4, young: 4 });
    expect(plan.report.cost?.nodes).toBe(4);
  });
});
