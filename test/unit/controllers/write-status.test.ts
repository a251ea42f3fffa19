// What a pass says to people: conditions of pools and cluster, decisions; and that a report never breaks the loop.
import { makePod } from '../../builders/make-pod.ts';
import { beforeEach, describe, expect, test } from 'vitest';
import { buildSnapshot } from '../../../src/cluster/build-snapshot.ts';
import type { ClusterObjects } from '../../../src/cluster/cluster-objects.ts';
import type { PassResult } from '../../../src/controllers/autoscaler-loop.ts';
import { ClusterStatus } from '../../../src/controllers/cluster-status.ts';
import { PathProbe } from '../../../src/controllers/path-probe.ts';
import { PlacementHints } from '../../../src/controllers/placement-hints.ts';
import { PortError } from '../../../src/controllers/port-errors.ts';
import { StatusWriter } from '../../../src/controllers/write-status.ts';
import type { Plan } from '../../../src/planner/plan.ts';
import { makeClaim, makeClaimSpec, makeCluster, makeNode, makePool } from '../../fakes/fake-objects.ts';
import { FakeWorld } from '../../fakes/fake-world.ts';
import { interruptPort } from '../../fakes/interrupt-port.ts';

let world: FakeWorld;

beforeEach(() => {
  world = new FakeWorld();
  world.workload.stores.nodePools.put(makePool('web', { desiredNodes: 1 }));
});

function makeWriter(wrap: Parameters<FakeWorld['context']>[0] = {}) {
  const context = world.context(wrap);
  const probe = new PathProbe(context.workload, world.clock);
  const clusterStatus = new ClusterStatus(world.management, world.clock);
  return new StatusWriter(context, { clusterStatus, probe, hints: new PlacementHints(context, () => probe.version()) });
}

function pass(objects: Partial<ClusterObjects> = {}, parts: Partial<PassResult> & { plan?: Plan } = {}): PassResult {
  const { stores } = world.workload;
  const snapshot = buildSnapshot(
    {
      cluster: world.cluster,
      observedAtMs: world.clock.nowMs(),
      nodePools: stores.nodePools.list(),
      claims: world.management.stores.nodeClaims.list(),
      pods: [],
      nodes: stores.nodes.list(),
      podDisruptionBudgets: [],
      daemonSets: [],
      persistentVolumeClaims: [],
      persistentVolumes: [],
      storageClasses: [],
      csiNodes: [],
      namespaces: [],
      flavors: world.cloud.flavors,
      targets: world.cloud.targets,
      quota: world.cloud.quota,
      prices: undefined,
      backoffs: [],
      frozen: undefined,
      ...objects,
    },
    1,
  );
  return { snapshot, plan: planOf(), findings: [], outcomes: [], faults: [], ...parts };
}

function planOf(parts: Partial<Plan> = {}): Plan {
  const pools = [
    { pool: 'web', minNodes: 0, maxNodes: 10, desiredNodes: 1, claims: 1, readyNodes: 1, pricePerHour: 0.1 },
  ];
  const report = {
    pods: [],
    nodes: [],
    pools,
    costPerHour: 0.1,
    costIsRelative: true,
    cutShort: [],
    nextDueMs: undefined,
  };
  return { basedOn: 1, steps: [], blocked: [], report, ...parts };
}

const poolStatus = () => world.workload.stores.nodePools.get('web')?.status;
const poolCondition = (type: string) => poolStatus()?.conditions?.find((condition) => condition.type === type);
const clusterConditions = () => world.management.stores.workloadClusters.list()[0]?.status?.conditions ?? [];
const clusterCondition = (type: string) => clusterConditions().find((condition) => condition.type === type);

function putReadyClaim(): void {
  world.management.stores.nodeClaims.put(
    makeClaim('web-node-abcdef', {
      spec: { securityGroups: [] },
      status: { phase: 'Ready', serverId: 'server-1', nodeName: 'web-node-abcdef' },
    }),
  );
  world.workload.putNode(makeNode('web-node-abcdef'));
}

describe('NodePool status', () => {
  test('a pool at its size', async () => {
    putReadyClaim();
    await makeWriter().report(pass());
    expect(poolStatus()).toMatchObject({ currentNodes: 1, availableNodes: 1, upToDateNodes: 1, observedGeneration: 1 });
    expect(poolStatus()?.flavors).toEqual([
      {
        name: 'b2-7',
        nodes: 1,
        allocatable: { cpu: '2000m', memory: '6442450944', 'ephemeral-storage': '42949672960', pods: '110' },
      },
    ]);
    expect(poolCondition('Ready')).toMatchObject({
      status: 'True',
      reason: 'AsDesired',
      message: '1 of 1 nodes are ready.',
    });
  });

  test('a price only when it is money', async () => {
    putReadyClaim();
    await makeWriter().report(pass({ prices: new Map([['b2-7', 0.068]]) }));
    expect(poolStatus()?.flavors?.[0]?.pricePerHour).toBe('0.068');
  });

  test('a node of another image is not up to date, and nothing is promised about it', async () => {
    putReadyClaim();
    const images = [{ id: 'image-2', name: 'newer', flavors: undefined }];
    await makeWriter().report(pass({ targets: { ...world.cloud.targets, images } }));
    expect(poolStatus()?.upToDateNodes).toBe(0);
    expect(poolCondition('Updating')).toMatchObject({ status: 'False', reason: 'NotStarted' });
  });

  test.each<{ name: string; objects?: Partial<ClusterObjects>; plan?: Plan; paused?: boolean; want: object }>([
    { name: 'nothing', want: { status: 'False', reason: 'Unblocked' } },
    {
      name: 'the plan',
      plan: planOf({ blocked: [{ pool: 'web', reason: 'QuotaExceeded', message: 'raise the quota' }] }),
      want: { status: 'True', reason: 'QuotaExceeded', message: 'raise the quota' },
    },
    {
      name: 'the plan, but for another pool',
      plan: planOf({ blocked: [{ pool: 'db', reason: 'QuotaExceeded', message: 'raise the quota' }] }),
      want: { status: 'False' },
    },
    { name: 'a freeze', objects: { frozen: 'too much vanished' }, want: { status: 'True', reason: 'Frozen' } },
    { name: 'a pause', paused: true, want: { status: 'True', reason: 'Paused' } },
  ])('blocked by $name', async ({ objects, plan, paused, want }) => {
    if (paused === true) world.cluster = makeCluster({ paused: true });
    await makeWriter().report(pass(objects, plan === undefined ? {} : { plan }));
    expect(poolCondition('Blocked')).toMatchObject(want);
  });

  test('is written once for the same pass, and the transition time stays while the status does', async () => {
    const writer = makeWriter();
    await writer.report(pass());
    const first = world.workload.stores.nodePools.get('web');
    world.clock.advance(60_000);
    await writer.report(pass());
    expect(world.workload.stores.nodePools.get('web')).toBe(first);
    putReadyClaim();
    world.clock.advance(60_000);
    await writer.report(pass());
    expect(poolCondition('Ready')?.lastTransitionTime).toBe('2026-01-01T00:02:00Z');
    expect(poolCondition('Valid')?.lastTransitionTime).toBe('2026-01-01T00:00:00Z');
  });
});

describe('WorkloadCluster status', () => {
  test.each<{ name: string; objects?: Partial<ClusterObjects>; parts?: Partial<PassResult>; want: object }>([
    { name: 'healthy', want: { status: 'True', reason: 'Healthy' } },
    {
      name: 'a refused plan',
      parts: { findings: [{ severity: 'fatal', kind: 'overMax', message: 'pool web would have 11 of 10 nodes' }] },
      want: { status: 'False', reason: 'PlanRefused', message: 'pool web would have 11 of 10 nodes' },
    },
    { name: 'frozen', objects: { frozen: 'too much vanished' }, want: { status: 'False', reason: 'Frozen' } },
  ])('Ready: $name', async ({ objects, parts, want }) => {
    await makeWriter().report(pass(objects, parts));
    expect(clusterCondition('Ready')).toMatchObject(want);
  });

  test('a fact that is old is told as what it is', async () => {
    const fault = new PortError('invalidSpec', "spec.openstack.network: no network 'privat'");
    await makeWriter().report(pass({}, { faults: [fault] }));
    expect(clusterCondition('CloudReachable')).toMatchObject({ status: 'False', reason: 'CloudRejectsSpec' });
  });

  test('no pass was possible: the operator gets the words, the tenant only that it is not their pool', async () => {
    const fault = new PortError('credentials', 'https://keystone.internal:5000 says 401');
    await makeWriter().reportWaiting({ kind: 'wait', why: fault.message, fault });
    expect(clusterCondition('CloudReachable')).toMatchObject({ reason: 'CredentialsInvalid', message: fault.message });
    expect(poolCondition('Blocked')).toMatchObject({ status: 'True', reason: 'CredentialsInvalid' });
    expect(JSON.stringify(poolStatus())).not.toContain('keystone.internal');
  });

  test('a right that is missing in the workload cluster is said with what to do, and is no fault of the cloud', async () => {
    const forbidden = 'rights are missing: list and watch csidrivers.storage.k8s.io. Upgrade the chart.';
    await makeWriter().reportWaiting({ kind: 'wait', why: 'not yet listed: csiDrivers', fault: undefined, forbidden });
    const want = { status: 'False', reason: 'Forbidden', message: forbidden };
    expect(clusterCondition('ApiReachable')).toMatchObject(want);
    expect(clusterCondition('Ready')).toMatchObject(want);
    expect(clusterCondition('CloudReachable')).toBeUndefined();
  });

  test('the first listing is no trouble worth a condition', async () => {
    await makeWriter().reportWaiting({ kind: 'wait', why: 'not yet listed: pods', fault: undefined });
    expect(clusterConditions()).toEqual([]);
    expect(poolStatus()).toBeUndefined();
  });
});

describe('reporting', () => {
  test('an API server that is away costs one call, and the cluster still gets its status', async () => {
    for (const name of ['a', 'b', 'c']) world.workload.stores.nodePools.put(makePool(name));
    let calls = 0;
    const writer = makeWriter({
      wrap: {
        workload: (plane) =>
          interruptPort(plane, 'workload', ({ name }) => {
            if (name === 'workload.applyNodePoolStatus') calls += 1;
            return new PortError('unavailable', 'timed out');
          }),
      },
    });
    await writer.report(pass());
    expect(calls).toBe(1);
    expect(clusterCondition('Ready')).toBeDefined();
  });

  test('without the lease nothing is written', async () => {
    world.lease.set({ held: false });
    await makeWriter().report(pass());
    expect(poolStatus()).toBeUndefined();
    expect(clusterConditions()).toEqual([]);
    expect(world.workload.events).toEqual([]);
  });

  test('a decision line and events for what was done', async () => {
    const waiting = [{ ...makePod('web-1').build(), uid: 'pod-1' }];
    const step = {
      kind: 'createClaim' as const,
      pool: 'web',
      name: 'web-node-000001',
      spec: makeClaimSpec(),
      reason: '1 pod waits',
      pods: [{ pods: waiting, from: 0, to: 1 }],
    };
    const verdict = {
      pods: waiting,
      from: 0,
      to: 1,
      outcome: 'onNewNode' as const,
      target: 'web-node-000001',
      refusals: [],
    };
    const { name: _name, ...rest } = step;
    const names = { pool: 'web', numbers: [1] };
    const plan = planOf({ steps: [{ ...rest, kind: 'createClaims', names }] });
    const result = pass({}, { plan: { ...plan, report: { ...plan.report, pods: [verdict] } } });
    await makeWriter().report({ ...result, outcomes: [{ step, kind: 'done', why: '' }] });
    const decisions = world.telemetry.entries.filter((entry) => entry.kind === 'decision').map((entry) => entry.value);
    expect(decisions).toMatchObject([
      {
        cluster: 'tenant-1/t1',
        kind: 'createClaim',
        pool: 'web',
        claim: 'web-node-000001',
        flavor: 'b2-7',
        outcome: 'done',
      },
    ]);
    expect(
      world.workload.events.map(({ reason, regarding }) => `${reason} ${regarding.kind}/${regarding.name}`),
    ).toEqual(['TriggeredScaleUp Pod/web-1', 'ScalingUp NodePool/web']);
    expect(world.telemetry.last('sluice_pending_pods', { outcome: 'onNewNode' })).toBe(1);
    expect(world.telemetry.total('sluice_plan_steps_total', { kind: 'createClaim' })).toBe(1);
  });
});
