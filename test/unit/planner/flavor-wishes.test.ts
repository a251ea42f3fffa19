// The operator's wishes about flavors: kept by pods packed by numbers and by those that only the fork can place, and
// never the reason why a pod waits.
import { describe, expect, it } from 'vitest';
import type { WorkloadClusterSpec } from '../../../src/api/workload-cluster.ts';
import { buildSnapshot } from '../../../src/cluster/build-snapshot.ts';
import type { ClusterObjects, PodObject } from '../../../src/cluster/cluster-objects.ts';
import { checkPlan } from '../../../src/planner/check-plan.ts';
import { makePlan } from '../../../src/planner/make-plan.ts';
import { countPods } from '../../../src/planner/plan.ts';
import { singleSteps } from '../../../src/planner/single-steps.ts';
import { makeCluster, makeFlavor, makeObjects } from '../../builders/make-objects.ts';
import { GIB, makePod, matchLabels } from '../../builders/make-pod.ts';
import { makePool } from '../../builders/make-pool.ts';

const NAMES = ['c-2', 'c-8', 'g-4', 'g-16', 'r-8'] as const;
const FLAVORS = [
  makeFlavor('c-2', { vcpus: 2, memoryMiB: 6000 }),
  makeFlavor('c-8', { vcpus: 8, memoryMiB: 16_000 }),
  makeFlavor('g-4', { vcpus: 4, memoryMiB: 16_000 }),
  makeFlavor('g-16', { vcpus: 16, memoryMiB: 64_000 }),
  makeFlavor('r-8', { vcpus: 8, memoryMiB: 64_000 }),
];
const PRICES = new Map(NAMES.map((name, index) => [name, [0.04, 0.2, 0.11, 0.52, 0.32][index] ?? 0]));

/** Plain: packed by numbers. */
const PLAIN: readonly PodObject[] = [
  [1500, 1],
  [700, 4],
  [400, 9],
  [3200, 2],
  [250, 0.5],
].flatMap(([cpuMillis = 0, gib = 0], index) =>
  makePod(`plain-${index}`)
    .requests({ cpuMillis, memoryBytes: gib * GIB })
    .buildMany(20),
);
/** Entangled: they want to be in one zone. */
const ENTANGLED: readonly PodObject[] = [
  [1200, 2],
  [300, 10],
  [3000, 4],
].flatMap(([cpuMillis = 0, gib = 0], index) =>
  makePod(`pair-${index}`)
    .labels({ app: `pair-${index}` })
    .requests({ cpuMillis, memoryBytes: gib * GIB })
    .affinity({ topologyKey: 'topology.kubernetes.io/zone', selector: matchLabels({ app: `pair-${index}` }) })
    .buildMany(2),
);

function planOf(autoscaler: WorkloadClusterSpec['autoscaler'], fields: Partial<ClusterObjects> = {}) {
  const objects = makeObjects({
    cluster: makeCluster(autoscaler === undefined ? {} : { autoscaler }),
    nodePools: [
      makePool('any')
        .flavors(...NAMES)
        .spec({ maxNodes: 90 })
        .build(),
    ],
    flavors: FLAVORS,
    prices: PRICES,
    pods: [...PLAIN, ...ENTANGLED],
    ...fields,
  });
  const snapshot = buildSnapshot(objects, 1);
  const plan = makePlan(snapshot, { nameSeed: 'wishes' });
  expect(checkPlan(plan, snapshot)).toEqual([]);
  const flavors = singleSteps(plan.steps).flatMap((step) => (step.kind === 'createClaim' ? [step.spec.flavor] : []));
  return { plan, flavors: [...new Set(flavors)].sort() };
}

describe('wishes about flavors', () => {
  const all = PLAIN.length + ENTANGLED.length;

  it('are none by default', () => {
    const { plan, flavors } = planOf(undefined);
    expect(flavors.length).toBeGreaterThan(2);
    expect(countPods(plan.report, 'onNewNode')).toBe(all);
  });

  it.each([1, 2, 3])('flavorsMax %i: no more kinds in one decision, every pod placed', (flavorsMax) => {
    const { plan, flavors } = planOf({ flavorsMax });
    expect(flavors.length).toBeLessThanOrEqual(flavorsMax);
    expect(countPods(plan.report, 'onNewNode')).toBe(all);
  });

  it('flavorsMax: one more where a pod has no other place', () => {
    const big = makePod('big').requests({ cpuMillis: 12_000, memoryBytes: GIB }).build();
    const ssd = makePod('ssd').nodeSelector({ disk: 'ssd' }).requests({ cpuMillis: 500, memoryBytes: GIB }).build();
    const nodePools = [
      makePool('any').flavors('c-2', 'c-8', 'g-16').build(),
      makePool('ssd').flavors('g-4').labels({ disk: 'ssd' }).build(),
    ];
    const { plan, flavors } = planOf({ flavorsMax: 1 }, { nodePools, pods: [big, ssd] });
    expect(flavors).toEqual(['g-16', 'g-4']);
    expect(countPods(plan.report, 'onNewNode')).toBe(2);
  });

  it.each([
    { leastNode: { cpu: '8' }, want: ['c-8', 'g-16', 'r-8'] },
    { leastNode: { memory: '20Gi' }, want: ['g-16', 'r-8'] },
    { leastNode: { cpu: '16', memory: '8Gi' }, want: ['g-16'] },
  ])('leastNode $leastNode: no smaller flavor', ({ leastNode, want }) => {
    const { plan, flavors } = planOf({ leastNode });
    expect(want).toEqual(expect.arrayContaining(flavors));
    expect(countPods(plan.report, 'onNewNode')).toBe(all);
  });

  it.each([
    { name: 'packed by numbers', pods: PLAIN.slice(0, 20) },
    { name: 'placed on the fork', pods: ENTANGLED.slice(0, 2) },
  ])('leastNode: smaller ones when a limit keeps the others back, $name', ({ pods }) => {
    const nodePools = [
      makePool('any').flavors('c-8').spec({ maxNodes: 0 }).build(),
      makePool('few').flavors('g-4').build(),
    ];
    const { plan, flavors } = planOf({ leastNode: { cpu: '8' } }, { nodePools, pods });
    expect(flavors).toEqual(['g-4']);
    expect(countPods(plan.report, 'onNewNode')).toBe(pods.length);
  });
});
