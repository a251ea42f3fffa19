import { describe, expect, it } from 'vitest';
import type { NodeClaim } from '../../../src/api/node-claim.ts';
import type { ClusterObjects, PodObject } from '../../../src/cluster/cluster-objects.ts';
import {
  iso,
  makeBudget,
  makeClaim,
  makeCluster,
  makeNode,
  makeObjects,
  makePod,
  makePods,
  makePool,
  makeShape,
  NOW_MS,
  planFor,
  stepsOf,
} from './planner-world.ts';

const LONG_UNNEEDED = { unneededSince: iso(NOW_MS - 3_600_000) };
const A = 'web-node-aaaaaa';
const B = 'web-node-bbbbbb';

function due(name: string, status: NonNullable<NodeClaim['status']> = {}): NodeClaim {
  return makeClaim(name, 'web', { status: { ...LONG_UNNEEDED, ...status } });
}

/** Node A with `pods` and one free node B that keeps itself by a busy load of its own. */
function twoNodes(pods: readonly PodObject[], change: Partial<ClusterObjects> = {}): ClusterObjects {
  return makeObjects({
    nodePools: [makePool('web', { desiredNodes: 2 })],
    claims: [due(A), makeClaim(B, 'web')],
    pods: [...pods, makePod('busy', { nodeName: B, cpuMillis: 2100 })],
    ...change,
  });
}

function onA(change: Parameters<typeof makePod>[1] = {}): PodObject {
  return makePod('tenant', { nodeName: A, ...change });
}

describe('removal by choice', () => {
  const KEPT: readonly { name: string; objects: ClusterObjects; want: RegExp }[] = [
    {
      name: 'safe-to-evict=false',
      objects: twoNodes([onA({ safeToEvict: false })]),
      want: /annotated cluster-autoscaler.*safe-to-evict=false/,
    },
    { name: 'do-not-disrupt on a pod', objects: twoNodes([onA({ doNotDisrupt: true })]), want: /do-not-disrupt/ },
    { name: 'no controller', objects: twoNodes([onA({ controller: undefined })]), want: /no controller/ },
    {
      name: 'a controller that Kubernetes does not ship',
      objects: twoNodes([onA({ controller: { kind: 'Kafka', name: 'k', uid: 'k' } })]),
      want: /belongs to a Kafka/,
    },
    { name: 'local storage', objects: twoNodes([onA({ localStorage: true })]), want: /local storage/ },
    {
      name: 'a young kube-system pod without a budget',
      objects: twoNodes([onA({ shape: makeShape({ namespace: 'kube-system' }), createdMs: NOW_MS - 60_000 })]),
      want: /kube-system/,
    },
    {
      name: 'scale-down-disabled on the node',
      objects: twoNodes([onA()], {
        nodes: [
          makeNode(due(A), {
            annotations: new Map([['cluster-autoscaler.kubernetes.io/scale-down-disabled', 'true']]),
          }),
          makeNode(makeClaim(B, 'web')),
        ],
      }),
      want: /scale-down-disabled=true/,
    },
    {
      name: 'a budget with nothing left',
      objects: twoNodes([onA()], { podDisruptionBudgets: [makeBudget('web', 0)] }),
      want: /default\/web allows no disruption/,
    },
    {
      name: 'two budgets on one pod',
      objects: twoNodes([onA()], { podDisruptionBudgets: [makeBudget('one', 5), makeBudget('two', 5)] }),
      want: /selected by 2 PodDisruptionBudgets/,
    },
    { name: 'used above the threshold', objects: twoNodes([onA({ cpuMillis: 2000 })]), want: /used to 50 %/ },
    {
      name: 'no room for its pod elsewhere',
      objects: twoNodes([onA({ cpuMillis: 1950 })]),
      want: /pod default\/tenant has no other place/,
    },
    {
      name: 'pool at its minNodes',
      objects: twoNodes([onA()], { nodePools: [makePool('web', { minNodes: 2, desiredNodes: 2 })] }),
      want: /at its minNodes, 2/,
    },
    {
      name: 'pool without autoscale',
      objects: twoNodes([onA()], { nodePools: [makePool('web', { autoscale: false, desiredNodes: 2 })] }),
      want: /autoscale of its pool is false/,
    },
    {
      name: 'pool that is not in the list',
      objects: twoNodes([onA()], { nodePools: [] }),
      want: /absence removes nothing/,
    },
    {
      name: 'pool that is not valid',
      objects: twoNodes([onA()], { nodePools: [makePool('web', { minNodes: 5, maxNodes: 3, desiredNodes: 2 })] }),
      want: /left as it stands/,
    },
    {
      name: 'cluster that is frozen',
      objects: twoNodes([onA()], { frozen: 'the path to its API is sick' }),
      want: /the path to its API is sick/,
    },
    {
      name: 'a pending pod that is about to run there',
      objects: twoNodes([onA(), makePod('new', { cpuMillis: 3000 })]),
      want: /default\/new is about to run here/,
    },
    {
      name: 'a node added to the pool a moment ago',
      objects: twoNodes([onA()], {
        claims: [due(A), makeClaim(B, 'web', { createdMs: NOW_MS - 30_000 })],
      }),
      want: /got a node 30 s ago and shrinks 600 s after/,
    },
    {
      name: 'its pods would go to a node that is still coming up',
      objects: makeObjects({
        nodePools: [makePool('web', { desiredNodes: 2, autoscaling: { scaleDownDelayAfterAddSeconds: 0 } })],
        claims: [due(A), makeClaim(B, 'web', { phase: 'Building', createdMs: NOW_MS - 30_000 })],
        pods: [onA()],
      }),
      want: /web-node-bbbbbb, which is not Ready yet/,
    },
    {
      name: 'as many nodes drain as may',
      objects: twoNodes([onA()], { cluster: makeCluster({ autoscaler: { scaleDownNodesMax: 0 } }) }),
      want: /as many nodes drain as may/,
    },
  ];

  it.each(KEPT)('keeps a node because of $name', ({ objects, want }) => {
    const plan = planFor(objects);
    expect(stepsOf(plan, 'removeClaim')).toEqual([]);
    expect(plan.report.nodes.find((node) => node.claim === A)?.keptBecause).toMatch(want);
  });

  const GONE: readonly { name: string; objects: ClusterObjects }[] = [
    { name: 'its time has come and its pods fit elsewhere', objects: twoNodes([onA()]) },
    { name: 'it is empty', objects: twoNodes([]) },
    {
      name: 'only DaemonSet and mirror pods are left',
      objects: twoNodes([
        onA({ controller: { kind: 'DaemonSet', name: 'd', uid: 'd' }, localStorage: true }),
        makePod('static', { nodeName: A, mirror: true, controller: undefined, cpuMillis: 200 }),
      ]),
    },
    {
      name: 'a bare pod says safe-to-evict=true',
      objects: twoNodes([onA({ controller: undefined, safeToEvict: true })]),
    },
    {
      name: 'local storage says safe-to-evict=true',
      objects: twoNodes([onA({ localStorage: true, safeToEvict: true })]),
    },
    {
      name: 'the operator does not mind local storage',
      objects: twoNodes([onA({ localStorage: true })], {
        cluster: makeCluster({ autoscaler: { skipNodesWithLocalStorage: false } }),
      }),
    },
    {
      name: 'its kube-system pod is older than an hour',
      objects: twoNodes([onA({ shape: makeShape({ namespace: 'kube-system' }) })]),
    },
    { name: 'the budget has one left', objects: twoNodes([onA()], { podDisruptionBudgets: [makeBudget('web', 1)] }) },
    { name: 'a filler pod keeps no node', objects: twoNodes([onA({ priority: -20, cpuMillis: 1950 })]) },
  ];

  it.each(GONE)('removes a node when $name', ({ objects }) => {
    const plan = planFor(objects);
    expect(stepsOf(plan, 'removeClaim')).toMatchObject([{ claim: A, reason: 'ScaleDown', pool: 'web' }]);
    expect(stepsOf(plan, 'setDesiredNodes')).toMatchObject([{ from: 2, to: 1 }]);
    expect(plan.steps[0]?.kind).toBe('setDesiredNodes');
    expect(plan.report.nodes.find((node) => node.claim === A)?.keptBecause).toBeUndefined();
  });

  it.each([
    { name: 'with pods', pods: [onA()], want: 'its pods fit elsewhere' },
    { name: 'without', pods: [], want: 'nothing on it needs another node' },
  ])('says why a node $name goes', ({ pods, want }) => {
    expect(stepsOf(planFor(twoNodes(pods)), 'removeClaim')[0]?.message).toMatch(new RegExp(`used to \\d+ %, ${want}$`));
  });

  it('starts the timer when a node becomes unneeded and takes nothing yet', () => {
    const objects = twoNodes([onA()], { claims: [makeClaim(A, 'web'), makeClaim(B, 'web')] });
    const plan = planFor(objects);
    expect(plan.steps).toEqual([
      { kind: 'setTimer', claim: A, claimUid: `uid-${A}`, timer: 'unneededSince', sinceMs: NOW_MS },
    ]);
  });

  it('takes the timer off when the node is needed again', () => {
    const plan = planFor(twoNodes([onA({ cpuMillis: 3000 })]));
    expect(plan.steps).toEqual([
      { kind: 'setTimer', claim: A, claimUid: `uid-${A}`, timer: 'unneededSince', sinceMs: undefined },
    ]);
  });

  it('leaves timers alone while frozen', () => {
    expect(planFor(twoNodes([onA({ cpuMillis: 3000 })], { frozen: 'sick' })).steps).toEqual([]);
  });

  it('never lets two nodes count on the same room', () => {
    // Each of A and B fits on C alone, both do not.
    const claims = [due(A), due(B), makeClaim('web-node-cccccc', 'web')];
    const pods = [
      makePod('a', { nodeName: A, cpuMillis: 1900 }),
      makePod('b', { nodeName: B, cpuMillis: 1900 }),
      makePod('c', { nodeName: 'web-node-cccccc', cpuMillis: 2100 }),
    ];
    const plan = planFor(makeObjects({ nodePools: [makePool('web', { desiredNodes: 3 })], claims, pods }));
    expect(stepsOf(plan, 'removeClaim').map((step) => step.claim)).toEqual([A]);
  });

  it('adds up what several nodes ask of one budget', () => {
    const claims = [due(A), due(B), makeClaim('web-node-cccccc', 'web'), makeClaim('web-node-dddddd', 'web')];
    const pods = [
      makePod('a', { nodeName: A }),
      makePod('b', { nodeName: B }),
      makePod('c', { nodeName: 'web-node-cccccc', cpuMillis: 2100 }),
      makePod('d', { nodeName: 'web-node-dddddd', cpuMillis: 2100 }),
    ];
    const objects = makeObjects({ nodePools: [makePool('web', { desiredNodes: 4 })], claims, pods });
    const removed = (allowed: number): number =>
      stepsOf(planFor({ ...objects, podDisruptionBudgets: [makeBudget('web', allowed)] }), 'removeClaim').length;
    expect([removed(1), removed(2)]).toEqual([1, 2]);
  });

  it('drains a node with more pods of a budget than it allows at once, alone', () => {
    const pods = makePods(2, { nodeName: A, cpuMillis: 500 });
    const plan = planFor(twoNodes(pods, { podDisruptionBudgets: [makeBudget('web', 1)] }));
    expect(stepsOf(plan, 'removeClaim').map((step) => step.claim)).toEqual([A]);
  });

  // 12 pods, one at a time, a minute each: past ten minutes a drain would delete the rest without asking.
  it.each([
    { name: 'stays', allowed: 1, spec: {}, want: 0 },
    { name: 'goes where the budget allows more at a time', allowed: 2, spec: {}, want: 1 },
    { name: 'goes where the drain has more time', allowed: 1, spec: { drainTimeoutSeconds: 3600 }, want: 1 },
    { name: 'goes where no pod is deleted past the timeout', allowed: 1, spec: { drainForce: false }, want: 1 },
  ])('a node whose pods would not be gone within its drain timeout $name', ({ allowed, spec, want }) => {
    const pods = makePods(12, { nodeName: A, shape: makeShape({ cpuMillis: 100, memoryBytes: 2 ** 28 }) });
    const claims = [makeClaim(A, 'web', { status: LONG_UNNEEDED, spec }), makeClaim(B, 'web')];
    const plan = planFor(twoNodes(pods, { claims, podDisruptionBudgets: [makeBudget('web', allowed)] }));
    expect(stepsOf(plan, 'removeClaim')).toHaveLength(want);
  });

  it('removes first what frees most cost for each pod that moves', () => {
    // Two nodes, of 4 and of 8 vCPUs, with a pod each; the third stays and takes both.
    const at = (name: string, flavor: string, cores: number): NodeClaim =>
      makeClaim(name, 'web', {
        status: LONG_UNNEEDED,
        spec: {
          flavor,
          flavorId: `id-${flavor}`,
          expected: { cpuMillis: cores * 1000, memoryBytes: 2 ** 34, ephemeralBytes: 2 ** 35, pods: 110 },
        },
      });
    const [small, dear, keeper] = ['web-node-000001', 'web-node-000002', 'web-node-000003'];
    const objects = makeObjects({
      nodePools: [makePool('web', { flavors: ['b2-4', 'b2-8'], desiredNodes: 3 })],
      claims: [at(small, 'b2-4', 4), at(dear, 'b2-8', 8), at(keeper, 'b2-4', 4)],
      pods: [
        makePod('a', { nodeName: small, cpuMillis: 900 }),
        makePod('b', { nodeName: dear, cpuMillis: 900 }),
        makePod('k', { nodeName: keeper, cpuMillis: 100, doNotDisrupt: true }),
      ],
      cluster: makeCluster({ autoscaler: { scaleDownNodesMax: 1 } }),
    });
    expect(stepsOf(planFor(objects), 'removeClaim').map((step) => step.claim)).toEqual([dear]);
  });

  it('drains no more nodes at once than it may, and more empty ones', () => {
    const names = Array.from({ length: 130 }, (_, index) => `web-node-${String(index).padStart(6, '0')}`);
    const objects = makeObjects({
      nodePools: [makePool('web', { desiredNodes: 131, maxNodes: 200 })],
      claims: [
        ...names.map((name) => due(name)),
        makeClaim('web-node-ffffff', 'web', {
          spec: { expected: { cpuMillis: 140_000, memoryBytes: 2 ** 40, ephemeralBytes: 2 ** 40, pods: 200 } },
        }),
      ],
    });
    const loaded = { ...objects, pods: names.map((name) => makePod(`on-${name}`, { nodeName: name })) };
    const withKeeper = (pods: readonly PodObject[]): ClusterObjects => ({
      ...objects,
      pods: [...pods, makePod('keeper', { nodeName: 'web-node-ffffff', cpuMillis: 0, safeToEvict: false })],
    });
    expect(stepsOf(planFor(withKeeper(loaded.pods)), 'removeClaim').length).toBe(10);
    expect(stepsOf(planFor(withKeeper([])), 'removeClaim').length).toBe(130);
  });

  it('follows a lowered desiredNodes at once, as far as pods have other places', () => {
    const objects = twoNodes([onA({ cpuMillis: 1800 })], {
      nodePools: [makePool('web', { desiredNodes: 1 })],
      claims: [makeClaim(A, 'web'), makeClaim(B, 'web')],
    });
    expect(stepsOf(planFor(objects), 'removeClaim')).toMatchObject([{ claim: A, reason: 'ScaleDown' }]);
  });
});

describe('unready nodes', () => {
  const unready = (status: NonNullable<NodeClaim['status']>): ClusterObjects => {
    const claims = [makeClaim(A, 'web', { status }), makeClaim(B, 'web')];
    return makeObjects({
      nodePools: [makePool('web', { desiredNodes: 2 })],
      claims,
      nodes: claims.map((claim) => makeNode(claim, claim.metadata.name === A ? { ready: 'Unknown' } : {})),
      pods: [makePod('busy', { nodeName: B, cpuMillis: 2100 })],
    });
  };

  it('remembers since when', () => {
    expect(stepsOf(planFor(unready({})), 'setTimer')).toMatchObject([
      { timer: 'unneededSince', sinceMs: NOW_MS },
      { timer: 'unreadySince', sinceMs: NOW_MS },
    ]);
  });

  it('go after scaleDownUnreadyTimeSeconds, not before', () => {
    const since = (ms: number) => planFor(unready({ unreadySince: iso(NOW_MS - ms), ...LONG_UNNEEDED }));
    expect(stepsOf(since(1_199_000), 'removeClaim')).toEqual([]);
    expect(stepsOf(since(1_200_000), 'removeClaim')).toMatchObject([{ claim: A, reason: 'Unready' }]);
  });
});
