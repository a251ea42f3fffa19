import { describe, expect, it } from 'vitest';
import type { NodeClaim } from '../../../src/api/node-claim.ts';
import type { NodePool } from '../../../src/api/node-pool.ts';
import type { ClusterObjects } from '../../../src/cluster/cluster-objects.ts';
import { buildSnapshot } from '../../../src/cluster/build-snapshot.ts';
import { arrayOf } from '../../../src/cluster/listed.ts';
import { updateSnapshot } from '../../../src/cluster/update-snapshot.ts';
import { makePlan } from '../../../src/planner/make-plan.ts';
import type { Plan } from '../../../src/planner/plan.ts';
import { planText } from '../../../src/planner/plan-text.ts';
import { addedBy, clusterOf, consolidated, nodeOf, podsOn } from './consolidation-world.ts';
import {
  applyPlan,
  iso,
  makeBudget,
  makeCluster,
  makeFlavor,
  makeObjects,
  makePod,
  makeShape,
  NOW_MS,
  planFor,
  stepsOf,
} from './planner-world.ts';

const A = nodeOf('b2-8', 'aaaaaa');
const B = nodeOf('b2-8', 'bbbbbb');
const C = nodeOf('b2-8', 'cccccc');
const twoHalfEmpty = [...podsOn(A, 2), ...podsOn(B, 2)];
const apart = makeShape({
  cpuMillis: 1500,
  podAntiAffinity: [
    {
      topologyKey: 'kubernetes.io/hostname',
      selector: { requirements: [{ key: 'app', operator: 'In', values: ['web'] }] },
      namespaces: ['default'],
      namespaceSelector: undefined,
    },
  ],
});
const spread = makeShape({
  cpuMillis: 1500,
  spread: [
    {
      topologyKey: 'kubernetes.io/hostname',
      maxSkew: 1,
      minDomains: 2,
      selector: { requirements: [{ key: 'app', operator: 'In', values: ['web'] }] },
      nodeAffinityPolicy: 'Honor',
      nodeTaintsPolicy: 'Ignore',
    },
  ],
});
const twins = [makeFlavor('b2-8', 8), makeFlavor('c2-8', 8)];

/** What is found waits for ten minutes. */
function waiting(scaleDownUtilizationThreshold = '0'): NodePool {
  return consolidated('web', { autoscaling: { scaleDownUtilizationThreshold, scaleDownUnneededTimeSeconds: 600 } });
}

function twinObjects(price: number): ClusterObjects {
  return clusterOf([A], podsOn(A, 8), {
    nodePools: [consolidated('web', { flavors: ['b2-8', 'c2-8'] })],
    flavors: twins,
    prices: new Map([
      ['b2-8', 1],
      ['c2-8', price],
    ]),
  });
}

describe('nodes that are replaced', () => {
  const REPLACED: readonly { name: string; objects: ClusterObjects; want: string; replaces: number }[] = [
    {
      name: 'two half-empty big ones by a smaller one',
      objects: clusterOf([A, B], twoHalfEmpty),
      want: 'b2-4',
      replaces: 2,
    },
    {
      name: 'three by two',
      objects: clusterOf(
        [A, B, C],
        [A, B, C].flatMap((claim) => [...podsOn(claim, 1, { cpuMillis: 4000 }), ...podsOn(claim, 1)]),
        {
          nodePools: [consolidated('web', { flavors: ['b2-8', 'c2-8'] })],
          flavors: twins,
          prices: new Map([
            ['b2-8', 0.3],
            ['c2-8', 0.2],
          ]),
        },
      ),
      want: 'c2-8 c2-8',
      replaces: 3,
    },
    { name: 'one by a cheaper one', objects: clusterOf([A], podsOn(A, 3)), want: 'b2-4', replaces: 1 },
    { name: 'one by one at 85 % of its price', objects: twinObjects(0.85), want: 'c2-8', replaces: 1 },
    {
      name: 'two, with pods that keep apart, by two',
      objects: clusterOf([A, B], [...podsOn(A, 1, { shape: apart }), ...podsOn(B, 1, { shape: apart })]),
      want: 'b2-2 b2-2',
      replaces: 2,
    },
    {
      name: 'two, with pods that spread, by two',
      objects: clusterOf([A, B], [...podsOn(A, 1, { shape: spread }), ...podsOn(B, 1, { shape: spread })]),
      want: 'b2-2 b2-2',
      replaces: 2,
    },
    {
      name: 'nodes beside a pod that waits for ever',
      objects: clusterOf([A], [...podsOn(A, 3), makePod('huge', { cpuMillis: 100_000 })]),
      want: 'b2-4',
      replaces: 1,
    },
  ];

  it.each(REPLACED)('$name', ({ objects, want, replaces }) => {
    const plan = planFor(objects);
    expect(addedBy(plan)).toBe(want);
    const names = objects.claims.map(({ metadata }) => metadata.name).slice(0, replaces);
    for (const { spec, reason } of stepsOf(plan, 'createClaim')) {
      expect(spec.replaces).toEqual(names);
      expect(reason).toMatch(/→ .* less per hour/);
    }
    expect(stepsOf(plan, 'removeClaim')).toEqual([]);
    const moved = stepsOf(plan, 'createClaim').flatMap(({ spec }) => spec.plannedPods ?? []);
    expect(moved.reduce((sum, { count }) => sum + count, 0)).toBe(
      [...objects.pods].filter(({ nodeName }) => names.includes(nodeName)).length,
    );
    expect(stepsOf(plan, 'setDesiredNodes')).toMatchObject([
      { to: objects.claims.length + stepsOf(plan, 'createClaim').length },
    ]);
  });

  it('has pods use the room that other nodes have, and buys for the rest only', () => {
    // Three of the five pods fit beside those of b; two need a new node.
    const objects = clusterOf([A, B], [...podsOn(A, 5), ...podsOn(B, 5)]);
    const plan = planFor(objects);
    expect(addedBy(plan)).toBe('b2-2');
    expect(stepsOf(plan, 'createClaim')[0]?.spec.plannedPods).toMatchObject([{ count: 2 }]);
  });

  it.each([
    { name: 'a budget', change: { podDisruptionBudgets: [makeBudget('web', 2)] } },
    { name: 'the operator', change: { cluster: makeCluster({ autoscaler: { scaleDownNodesMax: 1 } }) } },
  ])('are as many as $name lets drain at once', ({ change }) => {
    const objects = clusterOf([A, B], twoHalfEmpty);
    expect(stepsOf(planFor(objects), 'createClaim')[0]?.spec.replaces).toHaveLength(2);
    // One alone, whose pods have room on the other.
    const plan = planFor({ ...objects, ...change });
    expect(plan.steps.map((step) => step.kind)).toEqual(['setDesiredNodes', 'removeClaim']);
  });

  it('removes a node at once when others have room for all of its pods', () => {
    const plan = planFor(clusterOf([A, B], [...podsOn(A, 2), ...podsOn(B, 6)]));
    expect(stepsOf(plan, 'removeClaim')).toMatchObject([{ claim: A.metadata.name, reason: 'Consolidated' }]);
    expect(addedBy(plan)).toBe('');
    expect(plan.report.consolidation).toMatch(/room on other nodes/);
  });
});

describe('nodes that are not replaced', () => {
  const objects = clusterOf([A, B], twoHalfEmpty);
  const KEPT: readonly { name: string; objects: ClusterObjects; want: RegExp }[] = [
    { name: 'by what costs the same', objects: twinObjects(1), want: /no cheaper nodes for any of 1 / },
    { name: 'for 5 %', objects: twinObjects(0.95), want: /no cheaper nodes/ },
    {
      name: 'while a budget allows no disruption',
      objects: { ...objects, podDisruptionBudgets: [makeBudget('web', 0)] },
      want: /aaaaaa stays: PodDisruptionBudget default\/web allows no disruption now \(and 1 more\)/,
    },
    {
      name: 'when a pod is not to be evicted',
      objects: clusterOf([A], [...podsOn(A, 2), ...podsOn(A, 1, { safeToEvict: false })]),
      want: /aaaaaa stays: pod .* annotated .*safe-to-evict=false/,
    },
    {
      name: 'when a pod is not to be disturbed',
      objects: clusterOf([A], podsOn(A, 1, { doNotDisrupt: true })),
      want: /do-not-disrupt/,
    },
    {
      name: 'above maxNodes',
      objects: clusterOf([A, B], twoHalfEmpty.slice(0, 1).concat(podsOn(B, 8)), {
        nodePools: [consolidated('web', { maxNodes: 2 })],
      }),
      want: /new nodes beside the old ones are not allowed: pool 'web' has 2 nodes and spec.maxNodes is 2/,
    },
    {
      name: 'above the quota',
      objects: {
        ...clusterOf([A], podsOn(A, 2)),
        quota: { serversLeft: 0, coresLeft: undefined, memoryMiBLeft: undefined },
      },
      want: /quota has 0 servers left/,
    },
    {
      name: 'below minNodes',
      objects: clusterOf([A, B], twoHalfEmpty, {
        nodePools: [consolidated('web', { flavor: 'b2-8', minNodes: 2 })],
      }),
      want: /no cheaper nodes/,
    },
    {
      name: 'by nodes that are smaller than the operator wishes',
      objects: { ...clusterOf([A], podsOn(A, 3)), cluster: makeCluster({ autoscaler: { leastNode: { cpu: '8' } } }) },
      want: /no cheaper nodes/,
    },
    {
      name: 'while nothing may be removed',
      objects: { ...objects, frozen: 'the path is sick' },
      want: /nothing is replaced now: the path is sick/,
    },
    {
      name: 'while pods get new nodes',
      objects: { ...objects, pods: [...objects.pods, makePod('new', { cpuMillis: 7500 })] },
      want: /nodes are being added/,
    },
    {
      name: 'while nodes come up',
      objects: clusterOf(
        [
          A,
          B,
          { ...C, status: { phase: 'Building' }, metadata: { ...C.metadata, creationTimestamp: iso(NOW_MS - 1000) } },
        ],
        [...twoHalfEmpty, ...podsOn(A, 5)],
      ),
      want: /nodes are coming up/,
    },
    {
      name: 'while nodes leave',
      objects: clusterOf(
        [A, B, nodeOf('b2-8', 'dddddd', { removal: { reason: 'ScaleDown', message: '', at: iso(NOW_MS) } })],
        twoHalfEmpty,
      ),
      want: /nodes are being removed/,
    },
    {
      name: 'so soon after the pool grew',
      objects: clusterOf(
        [A, { ...B, metadata: { ...B.metadata, creationTimestamp: iso(NOW_MS - 60_000) } }],
        twoHalfEmpty,
      ),
      want: /pool web got a node lately/,
    },
    {
      name: 'while others are unneeded, which go first',
      objects: clusterOf([nodeOf('b2-8', 'aaaaaa'), B], [...podsOn(A, 2), ...podsOn(B, 5)], {
        nodePools: [waiting('0.5')],
      }),
      want: /found unneeded/,
    },
  ];

  it.each(KEPT)('$name', ({ objects, want }) => {
    const plan = planFor(objects);
    expect(stepsOf(plan, 'createClaim').filter(({ spec }) => spec.replaces !== undefined)).toEqual([]);
    expect(stepsOf(plan, 'removeClaim').filter(({ reason }) => reason === 'Consolidated')).toEqual([]);
    expect(plan.report.consolidation).toMatch(want);
  });

  it('when the pool does not ask for it, and timers of before end', () => {
    const timed = [nodeOf('b2-8', 'aaaaaa', { replaceableSince: iso(NOW_MS) })];
    const plan = planFor({
      ...clusterOf(timed, twoHalfEmpty),
      nodePools: [consolidated('web', { autoscaling: { consolidate: false, scaleDownUtilizationThreshold: '0' } })],
    });
    expect(addedBy(plan)).toBe('');
    expect(plan.report.consolidation).toBeUndefined();
    expect(stepsOf(plan, 'setTimer').map(({ timer, sinceMs }) => `${timer} ${sinceMs}`)).toEqual([
      'replaceableSince undefined',
    ]);
  });

  it('by nodes of a pool of another priority, which people prefer at any price', () => {
    const pools = [consolidated('web', { flavor: 'b2-8', priority: 1 }), consolidated('cheap', { flavor: 'b2-2' })];
    expect(addedBy(planFor(clusterOf([A], podsOn(A, 1), { nodePools: pools })))).toBe('');
    const same = [consolidated('web', { flavor: 'b2-8' }), consolidated('cheap', { flavor: 'b2-2' })];
    expect(addedBy(planFor(clusterOf([A], podsOn(A, 1), { nodePools: same })))).toBe('b2-2');
  });
});

describe('the time that a replacement waits', () => {
  const nodePools = [waiting()];
  const fresh = [nodeOf('b2-8', 'aaaaaa'), nodeOf('b2-8', 'bbbbbb')];

  it('begins when it is found, on the claims', () => {
    const plan = planFor(clusterOf(fresh, twoHalfEmpty, { nodePools }));
    expect(addedBy(plan)).toBe('');
    expect(stepsOf(plan, 'setTimer')).toMatchObject([
      { claim: A.metadata.name, timer: 'replaceableSince', sinceMs: NOW_MS },
      { claim: B.metadata.name, timer: 'replaceableSince', sinceMs: NOW_MS },
    ]);
    expect(plan.report.nextDueMs).toBe(NOW_MS + 600_000);
    expect(plan.report.consolidation).toMatch(
      /2 × b2-8 .* → 1 × b2-4: 0.4400 less per hour, 4 pods move, at 2026-01-01T12:10:00.000Z/,
    );
    expect(keptBecause(plan, A)).toMatch(/it is to be replaced/);
  });

  it('goes on while that still holds, and ends when it does not', () => {
    const since = { replaceableSince: iso(NOW_MS - 300_000) };
    const claims = [nodeOf('b2-8', 'aaaaaa', since), nodeOf('b2-8', 'bbbbbb', since)];
    expect(
      planFor(clusterOf(claims, twoHalfEmpty, { nodePools })).steps.filter(({ kind }) => kind !== 'setDesiredNodes'),
    ).toEqual([]);
    const full = planFor(clusterOf(claims, [...podsOn(A, 8), ...podsOn(B, 8)], { nodePools }));
    expect(stepsOf(full, 'setTimer').map(({ sinceMs }) => sinceMs)).toEqual([undefined, undefined]);
  });

  it('starts anew for another set', () => {
    const since = { replaceableSince: iso(NOW_MS - 3_600_000) };
    const claims = [nodeOf('b2-8', 'aaaaaa', since), nodeOf('b2-8', 'bbbbbb')];
    const pods = [...podsOn(A, 2, { doNotDisrupt: true }), ...podsOn(B, 7)];
    const plan = planFor(clusterOf(claims, pods, { nodePools }));
    expect(addedBy(plan)).toBe('');
    expect(stepsOf(plan, 'setTimer').map(({ claim, sinceMs }) => [claim, sinceMs])).toEqual([
      [A.metadata.name, undefined],
      [B.metadata.name, NOW_MS],
    ]);
  });
});

function keptBecause(plan: Plan, { metadata }: NodeClaim): string {
  return plan.report.nodes.find(({ claim }) => claim === metadata.name)?.keptBecause ?? '';
}

function begun(objects: ClusterObjects): { readonly objects: ClusterObjects; readonly added: readonly string[] } {
  const plan = planFor(objects);
  const added = stepsOf(plan, 'createClaim').map(({ name }) => name);
  expect(added).not.toEqual([]);
  return { objects: applyPlan(objects, plan, 60_000), added };
}

/** The new claims as they are before they are Ready, or when they fail. */
function inPhase(world: ReturnType<typeof begun>, phase: 'Building' | 'Failed'): ClusterObjects {
  const { objects, added } = world;
  return {
    ...objects,
    claims: objects.claims.map((claim) =>
      added.includes(claim.metadata.name) ? { ...claim, status: { phase } } : claim,
    ),
    nodes: arrayOf(objects.nodes).filter(({ name }) => !added.includes(name)),
  };
}

describe('a replacement that was begun', () => {
  const start = clusterOf([A, B], twoHalfEmpty);

  it('is not begun again while its nodes come up, and nothing goes', () => {
    const plan = planFor(inPhase(begun(start), 'Building'), 'another leader');
    expect(plan.steps).toEqual([]);
    for (const old of [A, B])
      expect(keptBecause(plan, old)).toMatch(/takes its place, later: node .* is not Ready yet/);
    expect(plan.report.nodes).toContainEqual(
      expect.objectContaining({ keptBecause: 'it takes the place of web-node-aaaaaa, web-node-bbbbbb' }),
    );
  });

  it('ends when the new node fails: only that one is given up', () => {
    const since = { replaceableSince: iso(NOW_MS - 600_000) };
    const claims = [nodeOf('b2-8', 'aaaaaa', since), nodeOf('b2-8', 'bbbbbb', since)];
    const failed = inPhase(begun(clusterOf(claims, twoHalfEmpty, { nodePools: [waiting()] })), 'Failed');
    const plan = planFor(failed);
    expect(stepsOf(plan, 'removeClaim')).toMatchObject([{ reason: 'Failed' }]);
    const after = planFor(applyPlan(failed, plan, 1000));
    expect(stepsOf(after, 'removeClaim')).toEqual([]);
    expect(addedBy(after)).toBe('');
    // It is found again, and waits for its time again.
    expect(stepsOf(after, 'setTimer').map(({ timer }) => timer)).toEqual(['replaceableSince', 'replaceableSince']);
  });

  it('takes exactly the old nodes away once the new ones are Ready', () => {
    const { objects } = begun(start);
    const plan = planFor(objects);
    expect(stepsOf(plan, 'removeClaim')).toMatchObject([
      { claim: A.metadata.name, reason: 'Consolidated', message: expect.stringMatching(/for 0.4400 less per hour/) },
      { claim: B.metadata.name, reason: 'Consolidated' },
    ]);
    expect(stepsOf(plan, 'setDesiredNodes')).toMatchObject([{ from: 3, to: 1 }]);
    const after = applyPlan(objects, plan, 1000);
    expect([...after.pods].every(({ nodeName }) => nodeName === after.claims[0]?.metadata.name)).toBe(true);
    expect(planFor(after).steps).toEqual([]);
  });

  it('drains one node after the other when a budget asks for that', () => {
    const objects = { ...begun(start).objects, podDisruptionBudgets: [makeBudget('web', 2)] };
    const first = planFor(objects);
    expect(stepsOf(first, 'removeClaim').map(({ claim }) => claim)).toEqual([A.metadata.name]);
    const after = applyPlan(objects, first, 1000);
    expect(stepsOf(planFor(after), 'removeClaim').map(({ claim }) => claim)).toEqual([B.metadata.name]);
  });

  it('waits until the new node is open, where pods are named to the scheduler', () => {
    const { objects, added } = begun(start);
    const taints = [{ key: 'sluice.dev/placing', value: '', effect: 'NoSchedule' as const }];
    const nodes = arrayOf(objects.nodes).map((node) => (added.includes(node.name) ? { ...node, taints } : node));
    const plan = planFor({ ...objects, nodes });
    expect(stepsOf(plan, 'removeClaim')).toEqual([]);
    expect(keptBecause(plan, A)).toMatch(/is not open to pods yet/);
  });

  it('waits while no drain may begin', () => {
    const objects = { ...begun(start).objects, cluster: makeCluster({ autoscaler: { scaleDownNodesMax: 0 } }) };
    expect(stepsOf(planFor(objects), 'removeClaim')).toEqual([]);
  });

  it('waits while the pods do not fit any more, and is no replacement any more after ten minutes', () => {
    const { objects } = begun(start);
    const more = { ...objects, pods: [...objects.pods, ...podsOn(A, 1, { cpuMillis: 3000 })] };
    const plan = planFor(more);
    expect(plan.steps).toEqual([]);
    expect(keptBecause(plan, A)).toMatch(/might find no other place now/);
    const later = { ...more, observedAtMs: more.observedAtMs + 601_000 };
    expect(keptBecause(planFor(later), A)).not.toMatch(/takes its place/);
  });

  it('waits when a pod came that must not be evicted', () => {
    const { objects } = begun(start);
    const plan = planFor({
      ...objects,
      pods: [...objects.pods, ...podsOn(B, 1, { doNotDisrupt: true, cpuMillis: 100 })],
    });
    expect(stepsOf(plan, 'removeClaim')).toEqual([]);
    expect(keptBecause(plan, A)).toMatch(/bbbbbb stays: pod .*do-not-disrupt/);
  });

  it('ends when the pool does not want it any more', () => {
    const { objects } = begun(start);
    const off = consolidated('web', {
      desiredNodes: 3,
      autoscaling: { consolidate: false, scaleDownUtilizationThreshold: '0' },
    });
    expect(planFor({ ...objects, nodePools: [off] }).steps).toEqual([]);
  });

  it('leaves room on the new node to its own pods when another node would be emptied', () => {
    // Node c has three pods that would fit on the new node, were it not for those of a and b.
    const small = nodeOf('b2-4', 'eeeeee', { unneededSince: iso(NOW_MS - 3_600_000) });
    const { objects } = begun(start);
    const plan = planFor({
      ...objects,
      claims: [...objects.claims, small],
      nodes: [...objects.nodes, ...makeObjects({ claims: [small] }).nodes],
      pods: [...objects.pods, ...podsOn(small, 1)],
      nodePools: [
        consolidated('web', {
          desiredNodes: 4,
          autoscaling: { scaleDownUtilizationThreshold: '0.5', consolidate: true, scaleDownDelayAfterAddSeconds: 0 },
        }),
      ],
    });
    expect(stepsOf(plan, 'removeClaim').map(({ claim }) => claim)).toEqual([A.metadata.name, B.metadata.name]);
  });
});

describe('what is equal', () => {
  it('is decided alike whatever the order of the objects', () => {
    const claims = [A, B, C];
    const pods = [...podsOn(A, 3), ...podsOn(B, 3), ...podsOn(C, 3)];
    const plan = planFor(clusterOf(claims, pods));
    const turned = planFor(clusterOf(claims.toReversed(), pods.toReversed()));
    expect(turned.steps).toEqual(plan.steps);
  });
});

describe('the search', () => {
  const objects = clusterOf([A, B], twoHalfEmpty, { nodePools: [waiting()] });
  const first = buildSnapshot(objects, 1);
  const plan = makePlan(first, { nameSeed: 's' });
  const later = (afterMs: number) => {
    const next = { ...objects, observedAtMs: NOW_MS + afterMs };
    return makePlan(updateSnapshot(first, { objects: next, version: 2, podChanges: [] }), { nameSeed: 's' });
  };

  it('rests for a hundred times as long as it took, and says so long what it found', () => {
    const soon = later(1);
    expect(stepsOf(soon, 'setTimer')).toEqual([]);
    expect(soon.report.consolidation).toBe(plan.report.consolidation);
    expect(soon.report.nextDueMs).toBeLessThan(NOW_MS + 60_000);
    expect(stepsOf(later(60_000), 'setTimer')).toHaveLength(2);
  });

  it('finds the same for the same instant', () => {
    expect(makePlan(buildSnapshot(objects, 1), { nameSeed: 's' }).steps).toEqual(plan.steps);
    expect(makePlan(first, { nameSeed: 's' }).steps).toEqual(plan.steps);
  });

  it('is told to people', () => {
    expect(planText(plan)).toMatch(/^Consolidation: 2 × b2-8 .* 0.4400 less per hour, 4 pods move, at .*$/m);
    expect(planText(plan)).toMatch(/web-node-aaaaaa is replaceable since/);
  });
});
